package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/admin/admintest"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/server"
)

// authorityIn makes an authority and, with it, certificates of a daemon on localhost and of alice.
func authorityIn(t *testing.T, dir string) console {
	t.Helper()
	c := console{t, nil}
	c.run(exit.OK, "pki", "init", "--dir", dir)
	c.run(exit.OK, "pki", "issue", "daemon", "localhost", "127.0.0.1", "::1", "--dir", dir)
	c.run(exit.OK, "pki", "issue", "client", "alice", "--dir", dir)
	return c
}

func readCertificate(t *testing.T, path string) *x509.Certificate {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	block, rest := pem.Decode(text)
	if block == nil || len(rest) > 0 {
		t.Fatalf("%s is not one PEM block", path)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestPKIMakesWhatItShould(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pki")
	authorityIn(t, dir)
	roots := x509.NewCertPool()
	ca := readCertificate(t, filepath.Join(dir, "ca.pem"))
	roots.AddCert(ca)
	if !ca.IsCA || ca.MaxPathLen != 0 || !ca.MaxPathLenZero || ca.KeyUsage != x509.KeyUsageCertSign|x509.KeyUsageCRLSign {
		t.Errorf("the authority: %+v", ca)
	}
	for _, tt := range []struct {
		name      string
		use       x509.ExtKeyUsage
		not       x509.ExtKeyUsage
		dns, uris string
		ips       int
	}{
		{"localhost", x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth, "localhost", "", 2},
		{"alice", x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth, "", "hassesd:client:alice", 0},
	} {
		c := readCertificate(t, filepath.Join(dir, tt.name+".pem"))
		if _, err := c.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{tt.use}}); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if _, err := c.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{tt.not}}); err == nil {
			t.Errorf("%s may also be the other end", tt.name)
		}
		if got := strings.Join(c.DNSNames, " "); got != tt.dns || len(c.IPAddresses) != tt.ips {
			t.Errorf("%s has the names %q %v", tt.name, got, c.IPAddresses)
		}
		if tt.uris != "" && (len(c.URIs) != 1 || c.URIs[0].String() != tt.uris) {
			t.Errorf("%s has the URIs %v", tt.name, c.URIs)
		}
		key, ok := c.PublicKey.(*ecdsa.PublicKey)
		if !ok || key.Curve != elliptic.P256() || c.IsCA || c.KeyUsage != x509.KeyUsageDigitalSignature {
			t.Errorf("%s: %+v", tt.name, c)
		}
		if left := time.Until(c.NotAfter); left < 89*24*time.Hour || left > 90*24*time.Hour {
			t.Errorf("%s is valid for %v", tt.name, left)
		}
	}
	for _, name := range []string{"ca-key.pem", "localhost-key.pem", "alice-key.pem"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 6 {
		t.Errorf("there are %v, %v", files, err)
	}
}

func TestPKIReplacesNothingUnasked(t *testing.T) {
	dir := t.TempDir()
	c := authorityIn(t, dir)
	for _, args := range [][]string{
		{"pki", "init"},
		{"pki", "issue", "client", "alice"},
		{"pki", "issue", "daemon", "localhost"},
	} {
		before := contents(t, dir)
		c.run(exit.Failed, append(args, "--dir", dir)...)
		if after := contents(t, dir); !slices.Equal(before, after) {
			t.Errorf("%v changed files", args)
		}
		c.run(exit.OK, append(args, "--dir", dir, "--force", "--days", "7")...)
		if after := contents(t, dir); len(after) != len(before) || slices.Equal(before, after) {
			t.Errorf("%v --force changed nothing, or left something behind", args)
		}
		c.run(exit.OK, "pki", "init", "--force", "--dir", dir)
	}

	// The certificate is there, the key is not: neither is touched.
	if err := os.Remove(filepath.Join(dir, "alice-key.pem")); err != nil {
		t.Fatal(err)
	}
	c.run(exit.Failed, "pki", "issue", "client", "alice", "--dir", dir)
	if _, err := os.Stat(filepath.Join(dir, "alice-key.pem")); !os.IsNotExist(err) {
		t.Errorf("half of a pair was written: %v", err)
	}
}

func contents(t *testing.T, dir string) []string {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f.Name()+"\n"+string(text))
	}
	return all
}

func TestPKIMistakes(t *testing.T) {
	dir := t.TempDir()
	c := console{t, nil}
	c.run(exit.Failed, "pki", "issue", "client", "alice", "--dir", dir) // no authority yet
	authorityIn(t, dir)
	for _, words := range []string{
		"", "make", "init twice", "issue", "issue daemon", "issue client", "issue client a b", "issue server x",
		"issue client ca", "issue client a/b", "issue client ../x", "issue client x-key", "issue client .x",
		"issue daemon *.example.org", "issue daemon a_b/c", "issue daemon ca", "issue daemon http://x",
		"init --days 0", "init --days -1", "init --days 100000",
	} {
		c.run(exit.Usage, append([]string{"pki", "--dir", dir}, strings.Fields(words)...)...)
	}
	if err := os.Rename(filepath.Join(dir, "alice-key.pem"), filepath.Join(dir, "ca-key.pem")); err != nil {
		t.Fatal(err)
	}
	c.run(exit.Failed, "pki", "issue", "client", "bob", "--dir", dir)
}

// TestPKIOutput holds what is printed against what a daemon takes.
func TestPKIOutput(t *testing.T) {
	dir := t.TempDir()
	c := authorityIn(t, dir)
	var out struct{ Identities []string }
	if err := json.Unmarshal([]byte(c.run(exit.OK, "pki", "issue", "client", "shop.1", "--json", "--dir", dir)), &out); err != nil {
		t.Fatal(err)
	}
	if len(out.Identities) != 2 || out.Identities[0] != "uri:hassesd:client:shop.1" || !strings.HasPrefix(out.Identities[1], "spki:") {
		t.Errorf("got %+v", out)
	}
	if got := c.run(exit.OK, "pki", "issue", "client", "shop.2", "--dir", dir); !strings.Contains(got, "\nuri:hassesd:client:shop.2\nspki:") {
		t.Errorf("got %s", got)
	}
	for _, identity := range out.Identities {
		_, err := access.LoadMutualTLS(access.MutualTLSOptions{
			CertFile: filepath.Join(dir, "localhost.pem"), KeyFile: filepath.Join(dir, "localhost-key.pem"),
			ClientCAFile: filepath.Join(dir, "ca.pem"), Read: []string{identity},
		}, time.Now())
		if err != nil {
			t.Errorf("%s: %v", identity, err)
		}
	}
}

func TestOpenSSLTakesWhatPKIMakes(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("there is no openssl")
	}
	dir := t.TempDir()
	authorityIn(t, dir)
	path := func(name string) string { return filepath.Join(dir, name) }
	for _, args := range [][]string{
		{"verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", "localhost", "-CAfile", path("ca.pem"), path("localhost.pem")},
		{"verify", "-x509_strict", "-purpose", "sslserver", "-verify_ip", "127.0.0.1", "-CAfile", path("ca.pem"), path("localhost.pem")},
		{"verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", path("ca.pem"), path("alice.pem")},
		{"pkey", "-in", path("ca-key.pem"), "-noout", "-check"},
	} {
		if out, err := exec.CommandContext(t.Context(), openssl, args...).CombinedOutput(); err != nil {
			t.Errorf("openssl %v: %v\n%s", args, err, out)
		}
	}
	for _, args := range [][]string{
		{"verify", "-purpose", "sslclient", "-CAfile", path("ca.pem"), path("localhost.pem")},
		{"verify", "-purpose", "sslserver", "-CAfile", path("ca.pem"), path("alice.pem")},
	} {
		if out, err := exec.CommandContext(t.Context(), openssl, args...).CombinedOutput(); err == nil {
			t.Errorf("openssl %v: %s", args, out)
		}
	}
	out, err := exec.CommandContext(t.Context(), openssl, "x509", "-in", path("alice.pem"), "-noout", "-text").CombinedOutput()
	for _, want := range []string{"URI:hassesd:client:alice", "TLS Web Client Authentication", "ASN1 OID: prime256v1", "CA:FALSE"} {
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("openssl shows no %s: %v\n%s", want, err, out)
		}
	}
}

// TestStatusOverTLS is the way of docs/control-over-tls.md: three commands, and the fourth works.
func TestStatusOverTLS(t *testing.T) {
	dir := t.TempDir()
	c := authorityIn(t, dir)
	path := func(name string) string { return filepath.Join(dir, name) }
	access, err := access.LoadMutualTLS(access.MutualTLSOptions{
		CertFile: path("localhost.pem"), KeyFile: path("localhost-key.pem"), ClientCAFile: path("ca.pem"),
		Admin: []string{"uri:hassesd:client:alice"},
	}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	s := server.New(server.Options{
		Backend: &admintest.Backend{StatusAnswer: api.Status{Version: "1.2.3", PID: 42}},
		Logger:  slog.New(slog.DiscardHandler),
	})
	addr, err := s.ListenTLS("127.0.0.1:0", access)
	if err != nil {
		t.Fatal(err)
	}
	s.Serve()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	as := func(name string) []string {
		return []string{"--tcp", addr.String(), "--ca", path("ca.pem"), "--cert", path(name + ".pem"), "--key", path(name + "-key.pem"), "--timeout", "30s"}
	}
	if got := c.run(exit.OK, append(as("alice"), "status")...); !strings.Contains(got, "hassesd 1.2.3, pid 42") {
		t.Errorf("status: %s", got)
	}
	c.run(exit.NotFound, append(as("alice"), "kick", "--all")...) // nobody was there
	c.run(exit.OK, "pki", "issue", "client", "bob", "--dir", dir)
	c.run(exit.NotAllowed, append(as("bob"), "status")...)
	c.run(exit.NotAllowed, "--tcp", addr.String(), "--ca", path("ca.pem"), "status")
	c.run(exit.NotAllowed, append(as("localhost"), "status")...) // for servers only
}
