package test

import (
	"bufio"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"
)

// TestWhatAClientWasShownDecides replaces the certificate between a client's handshake and its request.
func TestWhatAClientWasShownDecides(t *testing.T) {
	t.Parallel()
	d := prepare(t, "--limits-request-timeout", patience.String())
	forHosts := func(hosts ...string) material {
		return d.ca.make(t, func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = hosts, nil })
	}
	forHosts("a.example", "b.example").place(t, d)
	d.run()
	ask := func(c *tls.Conn, host string) int {
		t.Helper()
		_ = c.SetDeadline(time.Now().Add(patience))
		if _, err := fmt.Fprintf(c, "HEAD /sse?subscribe=a HTTP/1.1\r\nHost: %s\r\n\r\n", host); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: http.MethodHead})
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode
	}
	dial := func() *tls.Conn {
		t.Helper()
		c, err := tls.Dial("tcp", d.https, &tls.Config{RootCAs: d.ca.roots, ServerName: "a.example"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	before := dial()
	forHosts("a.example").place(t, d)
	if r := d.ctl("reload"); r.code != 0 {
		t.Fatal(r)
	}
	if got := ask(before, "b.example"); got != 200 {
		t.Errorf("who was shown a certificate for both hosts gets %d, want 200", got)
	}
	for host, want := range map[string]int{"a.example": 200, "b.example": 421} {
		if got := ask(dial(), host); got != want {
			t.Errorf("a new client gets %d for %s, want %d", got, host, want)
		}
	}
}

// TestStapledAnswerReachesClients serves an OCSP answer from a file, and a newer one that takes its place.
func TestStapledAnswerReachesClients(t *testing.T) {
	t.Parallel()
	openssl := tool(t, "openssl")
	d := prepare(t, "--tls-watch", "100ms")
	m := d.ca.make(t, nil)
	m.place(t, d)
	staple := func(until time.Time) {
		t.Helper()
		der, err := ocsp.CreateResponse(d.ca.intermediate, d.ca.intermediate, ocsp.Response{
			Status: ocsp.Good, SerialNumber: m.leaf.SerialNumber, IssuerHash: crypto.SHA1,
			ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: until,
		}, d.ca.intermediateKey)
		if err != nil {
			t.Fatal(err)
		}
		write(t, d.path("ocsp.new"), der)
		if err := os.Rename(d.path("ocsp.new"), d.path("ocsp.der")); err != nil {
			t.Fatal(err)
		}
	}
	year := time.Now().Year() + 1
	staple(time.Date(year, 3, 4, 0, 0, 0, 0, time.UTC))
	d.args = append(withoutFlags(d.args, "--cert-file", "--key-file"), "--config", d.path("hassesd.toml"))
	write(t, d.path("hassesd.toml"), fmt.Appendf(nil, "[[tls.certificate]]\ncert_file = %q\nkey_file = %q\nocsp_file = %q\n",
		d.path("cert.pem"), d.path("key.pem"), d.path("ocsp.der")))
	d.run()
	shown := func() string {
		r := command(t, "", openssl, "s_client", "-connect", d.https, "-servername", "localhost", "-CAfile", d.caFile, "-status")
		return r.stdout
	}
	if got := shown(); !strings.Contains(got, "OCSP Response Status: successful") || !strings.Contains(got, "Cert Status: good") ||
		!strings.Contains(got, fmt.Sprintf("Next Update: Mar  4 00:00:00 %d GMT", year)) {
		t.Errorf("openssl is shown %s", got)
	}
	staple(time.Date(year, 5, 6, 0, 0, 0, 0, time.UTC))
	eventually(t, "the newer answer is sent", func() bool {
		return strings.Contains(shown(), fmt.Sprintf("Next Update: May  6 00:00:00 %d GMT", year))
	})
}

// TestDevelopmentCertificates runs the script of certs/ and has a client trust its authority alone.
func TestDevelopmentCertificates(t *testing.T) {
	t.Parallel()
	tool(t, "openssl")
	curl := tool(t, "curl")
	d := prepare(t)
	dir := d.path("made")
	if r := command(t, "", filepath.Join("..", "certs", "make-dev-certs.sh"), "-o", dir, "laptop.lan"); r.code != 0 {
		t.Fatal(r)
	}
	d.args = append(withoutFlags(d.args, "--cert-file", "--key-file"),
		"--cert-file", filepath.Join(dir, "cert.pem"), "--key-file", filepath.Join(dir, "key.pem"))
	d.run()
	r := command(t, "", curl, "--silent", "--show-error", "--head", "--cacert", filepath.Join(dir, "ca.pem"), d.url("subscribe=a"))
	if r.code != 0 || !strings.HasPrefix(r.stdout, "HTTP/1.1 200") {
		t.Error(r)
	}
	if r := d.ctl("certs"); r.stderr != "" {
		t.Errorf("the daemon complains of them: %s", r)
	}
}

// withoutFlags leaves out flags with their values.
func withoutFlags(args []string, flags ...string) []string {
	var rest []string
	for i := 0; i < len(args); i++ {
		isOut := false
		for _, flag := range flags {
			isOut = isOut || args[i] == flag
		}
		if isOut {
			i++
			continue
		}
		rest = append(rest, args[i])
	}
	return rest
}
