package harness

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net"
	"path/filepath"
	"testing"
)

// ControlTLS is a daemon whose control port listens on every address, with certificates from hassesctl pki.
type ControlTLS struct {
	*Daemon
	pki string
}

// Issue issues a client certificate.
func (d *ControlTLS) Issue(t testing.TB, name string) {
	t.Helper()
	if r := Run(t, "", Hassesctl, "pki", "issue", "client", name, "--dir", d.pki); r.Code != 0 {
		t.Fatal(r)
	}
}

func (d *ControlTLS) File(name string) string { return filepath.Join(d.pki, name) }

func MakePKI(t testing.TB, dir string) {
	t.Helper()
	for _, args := range [][]string{
		{"pki", "init"},
		{"pki", "issue", "daemon", "localhost", "127.0.0.1"},
		{"pki", "issue", "client", "alice"},
	} {
		if r := Run(t, "", Hassesctl, append(args, "--dir", dir)...); r.Code != 0 {
			t.Fatal(r)
		}
	}
}

func StartControlTLS(t testing.TB) *ControlTLS {
	t.Helper()
	d := &ControlTLS{Prepare(t), filepath.Join(t.TempDir(), "pki")}
	MakePKI(t, d.pki)
	_, port, _ := net.SplitHostPort(d.TCP)
	for i, arg := range d.Args {
		if arg == "--control-tcp" {
			d.Args[i+1] = "0.0.0.0:" + port
		}
	}
	d.Args = append(d.Args,
		"--control-tls-cert-file", d.File("localhost.pem"), "--control-tls-key-file", d.File("localhost-key.pem"),
		"--control-tls-client-ca-file", d.File("ca.pem"), "--control-tls-admin", "uri:hassesd:client:alice",
		"--control-tls-publish", "uri:hassesd:client:shop", "--control-tls-read", "uri:hassesd:client:eye")
	d.Run()
	return d
}

// As runs hassesctl over TLS with the certificate of the named client; with an empty name, without a certificate.
func (d *ControlTLS) As(t testing.TB, name string, args ...string) Result {
	t.Helper()
	flags := []string{"--tcp", d.TCP, "--ca", d.File("ca.pem"), "--timeout", "30s"}
	if name != "" {
		flags = append(flags, "--cert", d.File(name+".pem"), "--key", d.File(name+"-key.pem"))
	}
	return Run(t, "", Hassesctl, append(flags, args...)...)
}

// Refused returns how often the control port has refused something for the reason.
func (d *ControlTLS) Refused(t testing.TB, reason string) int {
	t.Helper()
	var status struct {
		Refused map[string]int `json:"refused"`
	}
	r := d.In(t).Ctl("status", "--json")
	if err := json.Unmarshal([]byte(r.Stdout), &status); err != nil {
		t.Fatal(err, r)
	}
	return status.Refused["control_"+reason]
}

// IssueChanged issues a client certificate that change has edited, such as hassesctl pki would not issue.
func (d *ControlTLS) IssueChanged(t testing.TB, name string, change func(*x509.Certificate)) {
	t.Helper()
	ca, err := tls.LoadX509KeyPair(d.File("ca.pem"), d.File("ca-key.pem"))
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
	WriteFile(t, d.File(name+".pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw}))
	WriteFile(t, d.File(name+"-key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}
