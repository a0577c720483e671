package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// noon is the time of these tests.
var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// issued is a certificate with its key.
type issued struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// chainOfThree is a root, an intermediate and a leaf for www.example.org.
type chainOfThree struct{ root, intermediate, leaf issued }

func newChain(t *testing.T) chainOfThree {
	t.Helper()
	root := issue(t, nil, ca("root"))
	intermediate := issue(t, &root, ca("intermediate"))
	return chainOfThree{root, intermediate, issue(t, &intermediate, server())}
}

// option changes a template.
type option func(*x509.Certificate)

func ca(name string) option {
	return func(c *x509.Certificate) {
		c.Subject.CommonName = name
		c.IsCA, c.BasicConstraintsValid = true, true
		c.KeyUsage = x509.KeyUsageCertSign
	}
}

func server() option {
	return func(c *x509.Certificate) {
		c.Subject.CommonName = "www.example.org"
		c.DNSNames = []string{"www.example.org"}
		c.IPAddresses = []net.IP{net.IPv4(192, 0, 2, 1)}
		c.KeyUsage = x509.KeyUsageDigitalSignature
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
}

func valid(from, to time.Time) option {
	return func(c *x509.Certificate) { c.NotBefore, c.NotAfter = from, to }
}

func issue(t *testing.T, by *issued, options ...option) issued {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return issueFor(t, key, by, options...)
}

func issueFor(t *testing.T, key crypto.Signer, by *issued, options ...option) issued {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "somebody"},
		NotBefore:    noon.Add(-24 * time.Hour),
		NotAfter:     noon.Add(89 * 24 * time.Hour),
	}
	for _, o := range options {
		o(template)
	}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return issued{cert, key}
}

// rsaKey returns a key of so many bits; the slow ones are made once.
var rsaKey = func() func(t *testing.T, bits int) *rsa.PrivateKey {
	var mu sync.Mutex
	keys := map[int]*rsa.PrivateKey{}
	return func(t *testing.T, bits int) *rsa.PrivateKey {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		if keys[bits] == nil {
			key, err := rsa.GenerateKey(rand.Reader, bits)
			if err != nil {
				t.Fatal(err)
			}
			keys[bits] = key
		}
		return keys[bits]
	}
}()

func certPEM(chain ...issued) []byte {
	var text []byte
	for _, c := range chain {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.cert.Raw})...)
	}
	return text
}

func keyPEM(t *testing.T, key crypto.Signer) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// write puts a file that only its owner may read into dir.
func write(t *testing.T, dir, name string, text []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// writePair writes the chain and the key of its first certificate.
func writePair(t *testing.T, dir string, chain ...issued) (certFile, keyFile string) {
	t.Helper()
	return write(t, dir, "cert.pem", certPEM(chain...)), write(t, dir, "key.pem", keyPEM(t, chain[0].key))
}

// configOf returns the configuration that the next connection gets.
func configOf(s *Store) *tls.Config {
	config, _ := s.Config()
	return config
}

// serves asks what goes with the configuration that the next connection gets.
func serves(s *Store, serverName, host string) bool {
	_, answers := s.Config()
	return answers(serverName, host)
}
