package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"time"
)

const (
	devLifetime         = 30 * 24 * time.Hour
	placeholderLifetime = 365 * 24 * time.Hour
	backdate            = time.Hour // for clients whose clock is behind, as in virtual machines
)

// Development returns a self-signed ECDSA certificate, in memory, for localhost, its addresses and
// hosts (names or addresses). Clients with its [Pair.PEM] as a trust anchor accept it. It is not a
// CA, so its key cannot sign other certificates.
func Development(now time.Time, hosts ...string) (*Pair, error) {
	template := selfSignedTemplate("hassesd development", now, devLifetime)
	template.DNSNames = []string{"localhost"}
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	for _, host := range hosts {
		addHost(template, host)
	}
	return signItself(SourceDev, template, now)
}

// Placeholder returns a self-signed certificate to serve for the host until there is a real one.
// The store prefers any other certificate for the host that has not expired.
func Placeholder(now time.Time, host string) (*Pair, error) {
	template := selfSignedTemplate("hassesd, self-signed until ACME succeeds", now, placeholderLifetime)
	template.DNSNames = []string{host}
	p, err := signItself(SourceSelfSigned, template, now)
	if err != nil {
		return nil, err
	}
	p.info.Warnings = []string{"it is self-signed, and clients refuse it; it is served until ACME brings a real one"}
	return p, nil
}

func selfSignedTemplate(name string, now time.Time, lifetime time.Duration) *x509.Certificate {
	return &x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(lifetime),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
}

// signItself signs the template with a new key and a new serial number.
func signItself(source Source, template *x509.Certificate, now time.Time) (*Pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key of self-signed certificate: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("make serial number of self-signed certificate: %w", err)
	}
	template.SerialNumber = serial.Add(serial, big.NewInt(1))
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make self-signed certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read self-signed certificate back: %w", err)
	}
	return &Pair{
		certificate: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf},
		info:        newInfo(source, leaf, now),
	}, nil
}

// addHost adds a name or address unless the template has it.
func addHost(template *x509.Certificate, host string) {
	ip := net.ParseIP(host)
	if ip == nil {
		for _, name := range template.DNSNames {
			if name == host {
				return
			}
		}
		template.DNSNames = append(template.DNSNames, host)
		return
	}
	for _, other := range template.IPAddresses {
		if other.Equal(ip) {
			return
		}
	}
	template.IPAddresses = append(template.IPAddresses, ip)
}
