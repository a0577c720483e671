package tls

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

	"github.com/hassesd/hassesd/test/harness"
)

// TestWhatAClientWasShownDecides replaces the certificate between a client's handshake and its request.
func TestWhatAClientWasShownDecides(t *testing.T) {
	t.Parallel()
	d := harness.Prepare(t, "--limits-request-timeout", harness.Patience.String())
	forHosts := func(hosts ...string) harness.Material {
		return d.CA.Make(t, func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = hosts, nil })
	}
	forHosts("a.example", "b.example").Install(t, d)
	d.Run()
	ask := func(c *tls.Conn, host string) int {
		t.Helper()
		_ = c.SetDeadline(time.Now().Add(harness.Patience))
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
		c, err := tls.Dial("tcp", d.HTTPS, &tls.Config{RootCAs: d.CA.Roots, ServerName: "a.example"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	before := dial()
	forHosts("a.example").Install(t, d)
	if r := d.Ctl("reload"); r.Code != 0 {
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

// TestStapledAnswerReachesClients serves an OCSP response from a file, and then a newer one that
// replaces it.
func TestStapledAnswerReachesClients(t *testing.T) {
	t.Parallel()
	openssl := harness.Tool(t, "openssl")
	d := harness.Prepare(t, "--tls-watch", "100ms")
	m := d.CA.Make(t, nil)
	m.Install(t, d)
	staple := func(until time.Time) {
		t.Helper()
		der, err := ocsp.CreateResponse(d.CA.Intermediate, d.CA.Intermediate, ocsp.Response{
			Status: ocsp.Good, SerialNumber: m.Leaf.SerialNumber, IssuerHash: crypto.SHA1,
			ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: until,
		}, d.CA.IntermediateKey)
		if err != nil {
			t.Fatal(err)
		}
		harness.WriteFile(t, d.Path("ocsp.new"), der)
		if err := os.Rename(d.Path("ocsp.new"), d.Path("ocsp.der")); err != nil {
			t.Fatal(err)
		}
	}
	year := time.Now().Year() + 1
	staple(time.Date(year, 3, 4, 0, 0, 0, 0, time.UTC))
	d.Args = append(harness.WithoutFlags(d.Args, "--cert-file", "--key-file"), "--config", d.Path("hassesd.toml"))
	harness.WriteFile(t, d.Path("hassesd.toml"), fmt.Appendf(nil, "[[tls.certificate]]\ncert_file = %q\nkey_file = %q\nocsp_file = %q\n",
		d.Path("cert.pem"), d.Path("key.pem"), d.Path("ocsp.der")))
	d.Run()
	shown := func() string {
		r := harness.Run(t, "", openssl, "s_client", "-connect", d.HTTPS, "-servername", "localhost", "-CAfile", d.CaFile, "-status")
		return r.Stdout
	}
	if got := shown(); !strings.Contains(got, "OCSP Response Status: successful") || !strings.Contains(got, "Cert Status: good") ||
		!strings.Contains(got, fmt.Sprintf("Next Update: Mar  4 00:00:00 %d GMT", year)) {
		t.Errorf("openssl is shown %s", got)
	}
	staple(time.Date(year, 5, 6, 0, 0, 0, 0, time.UTC))
	harness.Eventually(t, "the newer answer is sent", func() bool {
		return strings.Contains(shown(), fmt.Sprintf("Next Update: May  6 00:00:00 %d GMT", year))
	})
}

// TestDevelopmentCertificates runs the script of certs/ and connects with a client that trusts only
// its authority.
func TestDevelopmentCertificates(t *testing.T) {
	t.Parallel()
	harness.Tool(t, "openssl")
	curl := harness.Tool(t, "curl")
	d := harness.Prepare(t)
	dir := d.Path("made")
	if r := harness.Run(t, "", filepath.Join("../..", "certs", "make-dev-certs.sh"), "-o", dir, "laptop.lan"); r.Code != 0 {
		t.Fatal(r)
	}
	d.Args = append(harness.WithoutFlags(d.Args, "--cert-file", "--key-file"),
		"--cert-file", filepath.Join(dir, "cert.pem"), "--key-file", filepath.Join(dir, "key.pem"))
	d.Run()
	r := harness.Run(t, "", curl, "--silent", "--show-error", "--head", "--cacert", filepath.Join(dir, "ca.pem"), d.URL("subscribe=a"))
	if r.Code != 0 || !strings.HasPrefix(r.Stdout, "HTTP/2 200") {
		t.Error(r)
	}
	if r := d.Ctl("certs"); r.Stderr != "" {
		t.Errorf("the daemon complains of them: %s", r)
	}
}
