package core

import (
	"crypto/x509"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/harness"
)

func TestControlOverTLSRoles(t *testing.T) {
	t.Parallel()
	d := harness.StartControlTLS(t)
	d.Issue(t, "shop")
	d.Issue(t, "eye")
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
		if r := d.As(t, tt.who, tt.args...); r.Code != tt.code {
			t.Errorf("%s %q: %s, want exit code %d", tt.who, tt.args, r, tt.code)
		}
	}
	if got := d.Refused(t, "not_allowed"); got != 3 {
		t.Errorf("%d commands were refused for their role, want 3", got)
	}
}

// TestOutsidersAtTheControlPort connects as everybody who must be refused, with what other machines
// have at hand.
func TestOutsidersAtTheControlPort(t *testing.T) {
	t.Parallel()
	d := harness.StartControlTLS(t)
	d.Issue(t, "bob")
	other := t.TempDir()
	harness.MakePKI(t, other)
	for from, to := range map[string]string{"alice.pem": "false.pem", "alice-key.pem": "false-key.pem"} {
		if err := os.Rename(filepath.Join(other, from), d.File(to)); err != nil {
			t.Fatal(err)
		}
	}
	issueExpired(d, t, "old")

	openssl := func(args ...string) func(*testing.T) {
		return func(t *testing.T) {
			args := append([]string{"s_client", "-connect", d.TCP, "-CAfile", d.File("ca.pem"), "-quiet"}, args...)
			if r := harness.Run(t, "room1=evil\n", "openssl", args...); strings.Contains(r.Stdout, "ok") {
				t.Error(r)
			}
		}
	}
	hassesctlAs := func(who, says string) func(*testing.T) {
		return func(t *testing.T) {
			if r := d.As(t, who, "send", "room1", "evil"); r.Code != 4 || !strings.Contains(r.Stderr, says) {
				t.Errorf("%s, want exit code 4 and %q", r, says)
			}
		}
	}
	raw := func(text string) func(*testing.T) {
		return func(t *testing.T) {
			c, err := net.DialTimeout("tcp", d.TCP, harness.Patience)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(harness.Patience))
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
		{"TLS 1.2", "tls_version", openssl("-tls1_2", "-cert", d.File("alice.pem"), "-key", d.File("alice-key.pem"))},
		{"openssl without a certificate", "no_certificate", openssl()},
		{"a browser's protocols", "http", openssl("-alpn", "h2,http/1.1", "-cert", d.File("alice.pem"), "-key", d.File("alice-key.pem"))},
		{"plain TCP", "plain", raw("room1=evil\n")},
		{"plain JSON", "plain", raw(`{"jsonrpc":"2.0","id":1,"method":"drain"}` + "\n")},
		{"HTTP", "http", raw("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 11\r\n\r\nroom1=evil\n")},
		{"curl", "http", func(t *testing.T) {
			r := harness.Run(t, "", "curl", "-sS", "--max-time", "20", "--cacert", d.File("ca.pem"), "--cert", d.File("alice.pem"),
				"--key", d.File("alice-key.pem"), "https://"+d.TCP+"/", "--data", "room1=evil")
			if r.Code == 0 {
				t.Error(r)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := d.Refused(t, tt.reason)
			tt.try(t)
			if !harness.Poll(harness.Patience, func() bool { return d.Refused(t, tt.reason) == before+1 }) {
				t.Errorf("%d refused for %s, want %d", d.Refused(t, tt.reason), tt.reason, before+1)
			}
			if !harness.Poll(harness.Patience, func() bool { return d.Log.Contains("reason=" + tt.reason) }) { // it is counted first
				t.Errorf("reason=%s is not in the log", tt.reason)
			}
		})
	}
	if r := d.Ctl("status", "--json"); !strings.Contains(r.Stdout, `"messages_total":0`) {
		t.Errorf("something was published: %s", r)
	}
	if r := d.As(t, "alice", "status"); r.Code != 0 {
		t.Errorf("alice: %s", r)
	}
}

// issueExpired issues a certificate that expired yesterday, for a name that has a role.
func issueExpired(d *harness.ControlTLS, t testing.TB, name string) {
	t.Helper()
	d.IssueChanged(t, name, func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
		c.URIs = []*url.URL{{Scheme: "hassesd", Opaque: "client:alice"}}
	})
}

func TestControlBeyondLoopbackWantsTLS(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{":9085", "0.0.0.0:9085", "192.0.2.1:9085"} {
		for _, mode := range [][]string{{}, {"check"}} {
			d := harness.Bare(t)
			args := append(append([]string{}, mode...), "--dev", "--control-socket", d.Path("s"), "--control-tcp", addr, "--api-listen", "")
			r := harness.Run(t, "", harness.Hassesd, args...)
			if r.Code != 2 || !strings.Contains(r.Stderr, "control.tcp: "+`"`+addr+`" is not on loopback`) || !strings.Contains(r.Stderr, "control.tls.cert_file") {
				t.Errorf("%q: %s", args, r)
			}
		}
	}
}
