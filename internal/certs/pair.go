package certs

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"log/slog"
	"time"
)

// Pair is a certificate chain with its private key, checked and immutable.
type Pair struct {
	certificate tls.Certificate
	info        Info
}

// Info is what may be logged and shown of a certificate.
type Info struct {
	Subject  string
	Issuer   string
	Names    []string // DNS names and addresses
	NotAfter time.Time
	SHA256   string   // of the leaf, lower-case hex
	Warnings []string // what works, but not for everybody or not for long
}

// LogValue leaves the warnings out: they are messages of their own.
func (i Info) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("subject", i.Subject),
		slog.String("issuer", i.Issuer),
		slog.Any("names", i.Names),
		slog.Time("not_after", i.NotAfter),
		slog.String("sha256", i.SHA256),
	)
}

// Info returns what may be shown of the certificate.
func (p *Pair) Info() Info { return p.info }

// PEM returns the certificate chain, without the key.
func (p *Pair) PEM() []byte {
	var chain []byte
	for _, der := range p.certificate.Certificate {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return chain
}

func newInfo(leaf *x509.Certificate, warnings []string) Info {
	sum := sha256.Sum256(leaf.Raw)
	names := append([]string{}, leaf.DNSNames...)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	return Info{
		Subject:  leaf.Subject.String(),
		Issuer:   leaf.Issuer.String(),
		Names:    names,
		NotAfter: leaf.NotAfter,
		SHA256:   hex.EncodeToString(sum[:]),
		Warnings: warnings,
	}
}
