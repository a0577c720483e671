package server_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/admin/admintest"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/client"
	"github.com/hassesd/hassesd/internal/admin/server"
)

func TestTLSDoorRefuses(t *testing.T) {
	d := openTLSServer(t, 0)
	other := admintest.NewAuthority(t)
	early := d.Issue(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) })
	expired := d.Issue(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) })
	server := d.Issue(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	withProtocols := func(c *tls.Config, protocols ...string) *tls.Config {
		c.NextProtos = protocols
		return c
	}
	old := d.Config(d.root)
	old.MaxVersion = tls.VersionTLS12

	for _, tt := range []struct {
		name   string
		config *tls.Config
		reason api.Refusal
		alert  string
	}{
		{"no certificate", d.Config(), api.RefusedNoCert, "certificate required"},
		{"another authority", d.Config(other.Client("test:root")), api.RefusedUntrusted, "unknown certificate authority"},
		{"for servers only", d.Config(server), api.RefusedUntrusted, "bad certificate"},
		{"not valid yet", d.Config(early), api.RefusedExpired, "expired certificate"},
		{"expired", d.Config(expired), api.RefusedExpired, "expired certificate"},
		{"no role", d.Config(d.nobody), api.RefusedNoRole, "bad certificate"},
		{"TLS 1.2", old, api.RefusedTLSVersion, "protocol version"},
		{"a browser", withProtocols(d.Config(d.root), "h2", "http/1.1"), api.RefusedHTTP, "no application protocol"},
		{"another protocol", withProtocols(d.Config(d.root), "smtp"), api.RefusedHandshake, "no application protocol"},
		{"a client that does not trust us", other.Config(d.root), api.RefusedDistrust, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := len(d.backend.WaitRefusals(t, 0))
			p, _ := d.connect(t, tt.config)
			// A client of TLS 1.3 is done before the server has looked at its certificate, and may
			// have sent a lot.
			_, errWrite := io.WriteString(p.conn, "a=1\n"+strings.Repeat("x", 5000))
			_, err := io.ReadAll(p.r)
			if err = errors.Join(errWrite, err); err == nil || !strings.Contains(err.Error(), tt.alert) {
				t.Errorf("the client was told %v, want %q", err, tt.alert)
			}
			if got := d.backend.WaitRefusals(t, before+1); got[before] != string(tt.reason) {
				t.Errorf("refused for %s, want %s", got[before], tt.reason)
			}
			d.wantLogged(t, `msg="control connection refused" door=tls`)
			d.wantLogged(t, "reason="+string(tt.reason))
		})
	}
	if got := d.backend.Sent(); len(got) > 0 {
		t.Errorf("published %v", got)
	}
	spki := api.Identities(d.nobody.Leaf)
	d.wantLogged(t, `identities="uri:test:nobody `+spki[1]+`"`)
}

func TestTLSDoorRefusesWhatIsNotTLS(t *testing.T) {
	d := openTLSServer(t, 0)
	for i, tt := range []struct {
		sent   string
		reason api.Refusal
	}{
		{"a=1\n", api.RefusedPlain},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"drain\"}\n", api.RefusedPlain},
		{"\x00\xff", api.RefusedPlain},
		{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", api.RefusedHTTP},
		{"POST / HTTP/1.1\r\n\r\na=1\n", api.RefusedHTTP},
		{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", api.RefusedHTTP},
		{"\x16\x03\x01\x00\x05hello", api.RefusedHandshake},
	} {
		p := connect(t, "tcp", d.addr)
		p.send(tt.sent)
		_, err := io.ReadAll(p.r) // perhaps an alert, and the end
		if err != nil {
			t.Errorf("%q: %v", tt.sent, err)
		}
		if got := d.backend.WaitRefusals(t, i+1); got[i] != string(tt.reason) {
			t.Errorf("%q: refused for %s, want %s", tt.sent, got[i], tt.reason)
		}
	}
	gone := connect(t, "tcp", d.addr)
	gone.conn.Close()
	if got := d.backend.WaitRefusals(t, 8); got[7] != string(api.RefusedHandshake) {
		t.Errorf("a port scanner was refused for %s", got[7])
	}
	if got := d.backend.Sent(); len(got) > 0 {
		t.Errorf("published %v", got)
	}

	// HTTP inside TLS, with a good certificate and no ALPN.
	p, _ := d.connect(t, d.Config(d.root))
	p.send("POST / HTTP/1.1\r\n\r\na=1\n")
	p.wantClosed()
	if got := d.backend.WaitRefusals(t, 9); got[8] != string(api.RefusedHTTP) {
		t.Errorf("refused for %s", got[8])
	}
}

func TestTLSDoorEndsStalledHandshakes(t *testing.T) {
	d := openTLSServer(t, 0, func(s *server.Server) { server.SetHandshakeTimeout(s, 50*time.Millisecond) })
	silent := connect(t, "tcp", d.addr)
	half := connect(t, "tcp", d.addr)
	half.send("\x16\x03\x01\x02\x00\x01") // the begin of a ClientHello
	silent.wantClosed()
	half.wantClosed()
	if got := fmt.Sprint(d.backend.WaitRefusals(t, 2)); got != "[stalled stalled]" {
		t.Errorf("refused for %s", got)
	}
}

func TestRefusedCertificateIsExplained(t *testing.T) {
	d := openTLSServer(t, 0)
	for _, o := range []client.Options{
		{Cert: d.nobody.CertFile, Key: d.nobody.KeyFile},
		{},
	} {
		o.TCP, o.CA, o.Timeout = d.addr, d.File, patience
		c := admintest.Dial(t, o)
		if _, err := c.Status(t.Context()); !errors.Is(err, api.ErrCertificate) || !errors.Is(err, api.ErrNotAllowed) {
			t.Errorf("got %v", err)
		}
	}
}
