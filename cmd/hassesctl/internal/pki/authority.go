package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"time"

	"github.com/hassesd/hassesd/internal/pemfile"
)

const (
	// maxDays is 100 years: more is a slip of the keyboard.
	maxDays = 36500
	// backdate is for machines whose clock is a little behind ours.
	backdate = 5 * time.Minute
)

// keyPair is a certificate with its key, ECDSA P-256.
type keyPair struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// template holds what tells certificates apart.
type template struct {
	isClient  bool
	name      string // common name, for people
	dnsNames  []string
	addresses []net.IP
	uris      []*url.URL
}

func daemonTemplate(hosts []string) template {
	t := template{name: hosts[0]}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			t.addresses = append(t.addresses, ip)
		} else {
			t.dnsNames = append(t.dnsNames, host)
		}
	}
	return t
}

func clientTemplate(name string) template {
	return template{isClient: true, name: name, uris: []*url.URL{{Scheme: "hassesd", Opaque: "client:" + name}}}
}

// newAuthority makes an authority for certificates of daemons and clients, and for nothing else.
func newAuthority(now time.Time, lifetime time.Duration) (*keyPair, error) {
	serial := newSerial()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	c := &x509.Certificate{
		SerialNumber: serial,
		// The name has a random part, since two authorities of one name would be taken for each
		// other.
		Subject:               pkix.Name{CommonName: "hassesd control authority " + hex.EncodeToString(serial.Bytes()[:4])},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(lifetime),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	return sign(c, c, key, key)
}

// issue makes a key and signs a certificate for it as the authority k. It is valid only while the
// authority is.
func (k *keyPair) issue(t template, now time.Time, lifetime time.Duration) (*keyPair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	c := &x509.Certificate{
		SerialNumber:          newSerial(),
		Subject:               pkix.Name{CommonName: t.name},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(lifetime),
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:              t.dnsNames,
		IPAddresses:           t.addresses,
		URIs:                  t.uris,
	}
	if t.isClient {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}
	if len(t.name) > 64 {
		c.Subject.CommonName = "" // the most that it may have (RFC 5280 appendix A.1); the names are in subjectAltName
	}
	if c.NotAfter.After(k.cert.NotAfter) {
		c.NotAfter = k.cert.NotAfter
	}
	if c.NotBefore.Before(k.cert.NotBefore) {
		c.NotBefore = k.cert.NotBefore
	}
	return sign(c, k.cert, key, k.key)
}

func sign(c, parent *x509.Certificate, key, parentKey *ecdsa.PrivateKey) (*keyPair, error) {
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, parentKey)
	if err != nil {
		return nil, fmt.Errorf("sign the certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read the certificate back: %w", err)
	}
	return &keyPair{cert, key}, nil
}

// newSerial has 127 random bits and is never 0 (RFC 5280 section 4.1.2.2).
func newSerial() *big.Int {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails, see crypto/rand
	b[0] = b[0]&0x7f | 0x40
	return new(big.Int).SetBytes(b)
}

// encode returns certificate and key as PEM.
func (k *keyPair) encode() (certPEM, keyPEM []byte, err error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.key)
	if err != nil {
		return nil, nil, fmt.Errorf("encode the key: %w", err)
	}
	certPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: k.cert.Raw})
	return certPEM, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// loadAuthority reads an authority and checks that it can sign at now.
func loadAuthority(certFile, keyFile string, now time.Time) (*keyPair, error) {
	certPEM, err := os.ReadFile(certFile)
	if err != nil {
		return nil, fmt.Errorf("read the authority: %w", err)
	}
	keyPEM, err := os.ReadFile(keyFile)
	if err != nil {
		return nil, fmt.Errorf("read the authority's key: %w", err)
	}
	pair, err := pemfile.KeyPair(certFile, certPEM, keyFile, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("authority: %w", err)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	switch {
	case !ok:
		return nil, fmt.Errorf("authority's key %s is not an ECDSA key", keyFile)
	case !pair.Leaf.IsCA:
		return nil, fmt.Errorf("authority %s is not an authority's certificate", certFile)
	case now.Before(pair.Leaf.NotBefore):
		return nil, fmt.Errorf("authority %s is valid only from %s on; is the clock right?", certFile, pair.Leaf.NotBefore.UTC().Format(time.RFC3339))
	case now.After(pair.Leaf.NotAfter):
		return nil, fmt.Errorf("authority %s expired on %s", certFile, pair.Leaf.NotAfter.UTC().Format(time.DateOnly))
	}
	return &keyPair{pair.Leaf, key}, nil
}
