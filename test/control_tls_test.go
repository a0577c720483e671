package test

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// controlTLS is a daemon whose control port is open to every address, with certificates by hassesctl pki.
type controlTLS struct {
	*daemon
	pki string
}

// issue makes the certificate of a client.
func (d *controlTLS) issue(t testing.TB, name string) {
	t.Helper()
	if r := command(t, "", hassesctl, "pki", "issue", "client", name, "--dir", d.pki); r.code != 0 {
		t.Fatal(r)
	}
}

func (d *controlTLS) file(name string) string { return filepath.Join(d.pki, name) }

func makePKI(t testing.TB, dir string) {
	t.Helper()
	for _, args := range [][]string{
		{"pki", "init"},
		{"pki", "issue", "daemon", "localhost", "127.0.0.1"},
		{"pki", "issue", "client", "alice"},
	} {
		if r := command(t, "", hassesctl, append(args, "--dir", dir)...); r.code != 0 {
			t.Fatal(r)
		}
	}
}

func startControlTLS(t testing.TB) *controlTLS {
	t.Helper()
	d := &controlTLS{prepare(t), filepath.Join(t.TempDir(), "pki")}
	makePKI(t, d.pki)
	_, port, _ := net.SplitHostPort(d.tcp)
	for i, arg := range d.args {
		if arg == "--control-tcp" {
			d.args[i+1] = "0.0.0.0:" + port
		}
	}
	d.args = append(d.args,
		"--control-tls-cert-file", d.file("localhost.pem"), "--control-tls-key-file", d.file("localhost-key.pem"),
		"--control-tls-client-ca-file", d.file("ca.pem"), "--control-tls-admin", "uri:hassesd:client:alice",
		"--control-tls-publish", "uri:hassesd:client:shop", "--control-tls-read", "uri:hassesd:client:eye")
	d.run()
	return d
}

// as runs hassesctl over TLS with the client's certificate, without one for an empty name.
func (d *controlTLS) as(t testing.TB, name string, args ...string) result {
	t.Helper()
	flags := []string{"--tcp", d.tcp, "--ca", d.file("ca.pem"), "--timeout", "30s"}
	if name != "" {
		flags = append(flags, "--cert", d.file(name+".pem"), "--key", d.file(name+"-key.pem"))
	}
	return command(t, "", hassesctl, append(flags, args...)...)
}

// refused is what status counts of the control protocol.
func (d *controlTLS) refused(t testing.TB, reason string) int {
	t.Helper()
	var status struct {
		Refused map[string]int `json:"refused"`
	}
	r := d.in(t).ctl("status", "--json")
	if err := json.Unmarshal([]byte(r.stdout), &status); err != nil {
		t.Fatal(err, r)
	}
	return status.Refused["control_"+reason]
}

func TestControlOverTLSRoles(t *testing.T) {
	t.Parallel()
	d := startControlTLS(t)
	d.issue(t, "shop")
	d.issue(t, "eye")
	for _, tt := range []struct {
		who  string
		args []string
		code int
	}{
		{"alice", []string{"status"}, 0},
		{"alice", []string{"send", "room1", "hello"}, 0},
		{"alice", []string{"reload"}, 0},
		{"alice", []string{"kick", "nobody"}, 5},
		{"shop", []string{"status"}, 0},
		{"shop", []string{"send", "room1", "hello"}, 0},
		{"shop", []string{"reload"}, 4},
		{"eye", []string{"status"}, 0},
		{"eye", []string{"clients"}, 0},
		{"eye", []string{"send", "room1", "hello"}, 4},
		{"eye", []string{"drain"}, 4},
	} {
		if r := d.as(t, tt.who, tt.args...); r.code != tt.code {
			t.Errorf("%s %q: %s, want exit code %d", tt.who, tt.args, r, tt.code)
		}
	}
	if got := d.refused(t, "not_allowed"); got != 3 {
		t.Errorf("%d commands were refused for their role, want 3", got)
	}
}

// TestOutsidersAtTheControlPort is everybody who must not come in, with what is at hand on other machines.
func TestOutsidersAtTheControlPort(t *testing.T) {
	t.Parallel()
	d := startControlTLS(t)
	d.issue(t, "bob")
	other := t.TempDir()
	makePKI(t, other)
	for from, to := range map[string]string{"alice.pem": "false.pem", "alice-key.pem": "false-key.pem"} {
		if err := os.Rename(filepath.Join(other, from), d.file(to)); err != nil {
			t.Fatal(err)
		}
	}
	d.issueExpired(t, "old")

	openssl := func(args ...string) func(*testing.T) {
		return func(t *testing.T) {
			args := append([]string{"s_client", "-connect", d.tcp, "-CAfile", d.file("ca.pem"), "-quiet"}, args...)
			if r := command(t, "room1=evil\n", "openssl", args...); strings.Contains(r.stdout, "ok") {
				t.Error(r)
			}
		}
	}
	hassesctlAs := func(who, says string) func(*testing.T) {
		return func(t *testing.T) {
			if r := d.as(t, who, "send", "room1", "evil"); r.code != 4 || !strings.Contains(r.stderr, says) {
				t.Errorf("%s, want exit code 4 and %q", r, says)
			}
		}
	}
	raw := func(text string) func(*testing.T) {
		return func(t *testing.T) {
			c, err := net.DialTimeout("tcp", d.tcp, patience)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(patience))
			if _, err := io.WriteString(c, text); err != nil {
				t.Fatal(err)
			}
			if rest, _ := io.ReadAll(c); len(rest) > 0 {
				t.Errorf("answered %q", rest)
			}
		}
	}
	for _, tt := range []struct {
		name, reason string
		try          func(*testing.T)
	}{
		{"no certificate", "no_certificate", hassesctlAs("", "certificate required")},
		{"another authority", "untrusted", hassesctlAs("false", "unknown certificate authority")},
		{"expired", "expired", hassesctlAs("old", "expired certificate")},
		{"no role", "no_role", hassesctlAs("bob", "bad certificate")},
		{"the daemon's own", "untrusted", hassesctlAs("localhost", "bad certificate")},
		{"TLS 1.2", "tls_version", openssl("-tls1_2", "-cert", d.file("alice.pem"), "-key", d.file("alice-key.pem"))},
		{"openssl without a certificate", "no_certificate", openssl()},
		{"a browser's protocols", "http", openssl("-alpn", "h2,http/1.1", "-cert", d.file("alice.pem"), "-key", d.file("alice-key.pem"))},
		{"plain TCP", "plain", raw("room1=evil\n")},
		{"plain JSON", "plain", raw(`{"jsonrpc":"2.0","id":1,"method":"drain"}` + "\n")},
		{"HTTP", "http", raw("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 11\r\n\r\nroom1=evil\n")},
		{"curl", "http", func(t *testing.T) {
			r := command(t, "", "curl", "-sS", "--max-time", "20", "--cacert", d.file("ca.pem"), "--cert", d.file("alice.pem"),
				"--key", d.file("alice-key.pem"), "https://"+d.tcp+"/", "--data", "room1=evil")
			if r.code == 0 {
				t.Error(r)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := d.refused(t, tt.reason)
			tt.try(t)
			if !poll(patience, func() bool { return d.refused(t, tt.reason) == before+1 }) {
				t.Errorf("%d refused for %s, want %d", d.refused(t, tt.reason), tt.reason, before+1)
			}
			if !poll(patience, func() bool { return d.log.contains("reason=" + tt.reason) }) { // it is counted first
				t.Errorf("reason=%s is not in the log", tt.reason)
			}
		})
	}
	if r := d.ctl("status", "--json"); !strings.Contains(r.stdout, `"messages_total":0`) {
		t.Errorf("something was published: %s", r)
	}
	if r := d.as(t, "alice", "status"); r.code != 0 {
		t.Errorf("alice: %s", r)
	}
}

// issueExpired makes a certificate of yesterday, of a name that has a role.
func (d *controlTLS) issueExpired(t testing.TB, name string) {
	t.Helper()
	d.issueOdd(t, name, func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
		c.URIs = []*url.URL{{Scheme: "hassesd", Opaque: "client:alice"}}
	})
}

// issueOdd signs what hassesctl pki would not.
func (d *controlTLS) issueOdd(t testing.TB, name string, change func(*x509.Certificate)) {
	t.Helper()
	ca, err := tls.LoadX509KeyPair(d.file("ca.pem"), d.file("ca-key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	caKey, ok := ca.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		t.Fatalf("the authority has a %T", ca.PrivateKey)
	}
	key := newKey(t)
	c := template(name, false)
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	change(c)
	leaf := sign(t, c, ca.Leaf, &key.PublicKey, caKey)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, d.file(name+".pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw}))
	write(t, d.file(name+"-key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func TestControlBeyondLoopbackWantsTLS(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{":9085", "0.0.0.0:9085", "192.0.2.1:9085"} {
		for _, mode := range [][]string{{}, {"check"}} {
			d := bare(t)
			args := append(append([]string{}, mode...), "--dev", "--control-socket", d.path("s"), "--control-tcp", addr)
			r := command(t, "", hassesd, args...)
			if r.code != 2 || !strings.Contains(r.stderr, "control.tcp: "+`"`+addr+`" is not on loopback`) || !strings.Contains(r.stderr, "control.tls.cert_file") {
				t.Errorf("%q: %s", args, r)
			}
		}
	}
}
