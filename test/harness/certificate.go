package harness

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

// Authority is a root with an intermediate below it. A client that knows only the root does not trust a daemon that serves
// only its leaf.
type Authority struct {
	rootPEM         []byte
	Roots           *x509.CertPool
	Intermediate    *x509.Certificate
	IntermediateKey *ecdsa.PrivateKey
}

func NewAuthority(t testing.TB) *Authority {
	t.Helper()
	rootKey := newKey(t)
	root := sign(t, template("hassesd test root", true), nil, &rootKey.PublicKey, rootKey)
	middleKey := newKey(t)
	middle := sign(t, template("hassesd test intermediate", true), root, &middleKey.PublicKey, rootKey)
	a := &Authority{Roots: x509.NewCertPool(), Intermediate: middle, IntermediateKey: middleKey}
	a.rootPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw})
	a.Roots.AddCert(root)
	return a
}

// Issue writes a chain and a key for localhost into dir and returns the leaf.
func (a *Authority) Issue(t testing.TB, dir string) *x509.Certificate {
	t.Helper()
	m := a.Make(t, nil)
	WriteFile(t, filepath.Join(dir, "cert.pem"), m.Chain)
	WriteFile(t, filepath.Join(dir, "key.pem"), m.Key)
	WriteFile(t, filepath.Join(dir, "ca.pem"), a.rootPEM)
	return m.Leaf
}

// Material is a certificate chain with its key, as in the files.
type Material struct {
	Leaf       *x509.Certificate
	Chain, Key []byte // PEM
}

// Make returns a certificate for localhost. change, unless nil, edits the template first.
func (a *Authority) Make(t testing.TB, change func(*x509.Certificate)) Material {
	t.Helper()
	key := newKey(t)
	tmpl := template("localhost", false)
	tmpl.DNSNames = []string{"localhost"}
	tmpl.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	if change != nil {
		change(tmpl)
	}
	leaf := sign(t, tmpl, a.Intermediate, &key.PublicKey, a.IntermediateKey)
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw})
	chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Intermediate.Raw})...)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return Material{leaf, chain, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})}
}

// Install replaces the daemon's certificate files, each by a rename, as ACME clients do.
func (m Material) Install(t testing.TB, d *Daemon) {
	t.Helper()
	for name, text := range map[string][]byte{"cert.pem": m.Chain, "key.pem": m.Key} {
		WriteFile(t, d.Path(name+".new"), text)
		if err := os.Rename(d.Path(name+".new"), d.Path(name)); err != nil {
			t.Fatal(err)
		}
	}
}

// ServedCertificate returns the leaf that a new client gets.
func (d *Daemon) ServedCertificate() *x509.Certificate {
	d.T.Helper()
	conn, err := tls.Dial("tcp", d.HTTPS, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		d.T.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0]
}

// ClientConfig returns the TLS configuration of a client that trusts the root.
func (a *Authority) ClientConfig() *tls.Config { return &tls.Config{RootCAs: a.Roots} }

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
