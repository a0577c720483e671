package acmecert

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"time"

	"github.com/hassesd/hassesd/internal/certs"
)

const (
	stopgapLifetime = 365 * 24 * time.Hour
	stopgapBackdate = time.Hour // for clients whose clock is behind
)

// selfSigned makes a certificate for the host that no client trusts by itself, to be served until there is a real one.
func selfSigned(name string, now time.Time) (*certs.Pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key of the self-signed certificate: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("make serial number of the self-signed certificate: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber:          serial.Add(serial, big.NewInt(1)),
		Subject:               pkix.Name{CommonName: "hassesd, self-signed until ACME succeeds"},
		NotBefore:             now.Add(-stopgapBackdate),
		NotAfter:              now.Add(stopgapLifetime),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		DNSNames:              []string{name},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make the self-signed certificate: %w", err)
	}
	pair, err := certs.NewPair(tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, now)
	if err != nil {
		return nil, fmt.Errorf("read the self-signed certificate back: %w", err)
	}
	return pair, nil
}
