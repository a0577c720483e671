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
	devLifetime = 30 * 24 * time.Hour
	devBackdate = time.Hour // for clients whose clock is behind, as in virtual machines
)

// Development makes a self-signed ECDSA certificate for localhost, its addresses and hosts (names or
// addresses), in memory. Clients that are given its [Pair.PEM] as their trust anchor accept it; it is no CA,
// so that its key cannot sign for anybody else.
func Development(now time.Time, hosts ...string) (*Pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make development key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("make development serial number: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber:          serial.Add(serial, big.NewInt(1)),
		Subject:               pkix.Name{CommonName: "hassesd development"},
		NotBefore:             now.Add(-devBackdate),
		NotAfter:              now.Add(devLifetime),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	for _, host := range hosts {
		addHost(template, host)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make development certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read development certificate back: %w", err)
	}
	return &Pair{
		certificate: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf},
		info:        newInfo(SourceDev, leaf, now),
	}, nil
}

// addHost adds a name or address that is not there yet.
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
