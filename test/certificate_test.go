package test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// authority is a root with an intermediate below it: a daemon that serves only its leaf is not trusted by anybody who
// knows the root alone.
type authority struct {
	rootPEM         []byte
	roots           *x509.CertPool
	intermediate    *x509.Certificate
	intermediateKey *ecdsa.PrivateKey
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	rootKey := newKey(t)
	root := sign(t, template("hassesd test root", true), nil, &rootKey.PublicKey, rootKey)
	middleKey := newKey(t)
	middle := sign(t, template("hassesd test intermediate", true), root, &middleKey.PublicKey, rootKey)
	a := &authority{roots: x509.NewCertPool(), intermediate: middle, intermediateKey: middleKey}
	a.rootPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw})
	a.roots.AddCert(root)
	return a
}

// issue writes a chain and a key for localhost into dir and returns the leaf.
func (a *authority) issue(t testing.TB, dir string) *x509.Certificate {
	t.Helper()
	m := a.make(t, nil)
	write(t, filepath.Join(dir, "cert.pem"), m.chain)
	write(t, filepath.Join(dir, "key.pem"), m.key)
	write(t, filepath.Join(dir, "ca.pem"), a.rootPEM)
	return m.leaf
}

// material is a certificate with its key, as the files have it.
type material struct {
	leaf       *x509.Certificate
	chain, key []byte // PEM
}

// make makes a certificate for localhost, or for what change makes of it.
func (a *authority) make(t testing.TB, change func(*x509.Certificate)) material {
	t.Helper()
	key := newKey(t)
	tmpl := template("localhost", false)
	tmpl.DNSNames = []string{"localhost"}
	tmpl.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	if change != nil {
		change(tmpl)
	}
	leaf := sign(t, tmpl, a.intermediate, &key.PublicKey, a.intermediateKey)
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw})
	chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.intermediate.Raw})...)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return material{leaf, chain, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})}
}

// place puts new files in the place of the daemon's, each by a rename, as renewers do.
func (m material) place(t testing.TB, d *daemon) {
	t.Helper()
	for name, text := range map[string][]byte{"cert.pem": m.chain, "key.pem": m.key} {
		write(t, d.path(name+".new"), text)
		if err := os.Rename(d.path(name+".new"), d.path(name)); err != nil {
			t.Fatal(err)
		}
	}
}

// shown returns the certificate that a new client is shown.
func (d *daemon) shown() *x509.Certificate {
	d.t.Helper()
	conn, err := tls.Dial("tcp", d.https, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		d.t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0]
}

// client is the TLS configuration of a client that trusts the root.
func (a *authority) client() *tls.Config { return &tls.Config{RootCAs: a.roots} }

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func template(name string, ca bool) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 100))
	c := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		IsCA:                  ca,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
	}
	if ca {
		c.KeyUsage = x509.KeyUsageCertSign
	} else {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	return c
}

func sign(t testing.TB, tmpl, parent *x509.Certificate, public *ecdsa.PublicKey, by *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	if parent == nil {
		parent = tmpl
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, public, by)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func write(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
