package certs

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// Source is where a certificate came from.
type Source string

// The sources.
const (
	SourceFile       Source = "file"       // tls.cert_file, [[tls.certificate]]
	SourceACME       Source = "acme"       // issued by a CA over ACME
	SourceSelfSigned Source = "selfsigned" // made in memory, until ACME has issued one
	SourceDev        Source = "dev"        // made in memory, for development mode
	SourceControl    Source = "control"    // control.tls.cert_file; a store never holds one
)

// Pair is a certificate chain with its private key, checked and immutable.
type Pair struct {
	certificate tls.Certificate
	staples     []staple // OCSP responses in order of preference; the first that is good at the time is served
	info        Info
}

// Info is the public data of a certificate.
type Info struct {
	Source      Source
	CertFile    string // empty unless it came from a file
	KeyFile     string
	StapleFile  string // with an OCSP response; empty: none
	StapleFrom  time.Time
	StapleUntil time.Time
	Subject     string
	Issuer      string
	Names       []string // DNS names and addresses
	Key         string   // ECDSA P-256, RSA 2048
	NotBefore   time.Time
	NotAfter    time.Time
	LoadedAt    time.Time // when this certificate was first read, issued or made
	SHA256      string    // of the leaf, lower-case hex
	Warnings    []string  // what some clients refuse
}

// LogValue leaves out the warnings, which are logged separately.
func (i Info) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("origin", string(i.Source)),
		slog.String("file", i.CertFile),
		slog.String("subject", i.Subject),
		slog.String("issuer", i.Issuer),
		slog.Any("names", i.Names),
		slog.String("key", i.Key),
		slog.Time("not_after", i.NotAfter),
		slog.String("sha256", i.SHA256),
	)
}

// Left returns the time until the certificate expires, which is negative afterwards.
func (i Info) Left(now time.Time) time.Duration { return i.NotAfter.Sub(now) }

// IsValid reports whether now is within the validity of the certificate.
func (i Info) IsValid(now time.Time) bool { return !i.isEarly(now) && !now.After(i.NotAfter) }

// isEarly reports whether the certificate is not valid yet at now.
func (i Info) isEarly(now time.Time) bool { return now.Before(i.NotBefore) }

// IsDue reports whether less than a third of the certificate's lifetime is left at now. Automatic
// renewal happens before that.
func (i Info) IsDue(now time.Time) bool { return i.Left(now) < i.NotAfter.Sub(i.NotBefore)/3 }

// Problems returns the warnings, and what is wrong at now.
func (i Info) Problems(now time.Time) []string {
	all := append([]string{}, i.Warnings...)
	switch {
	case i.isEarly(now):
		all = append(all, fmt.Sprintf("it is valid only from %s on, and clients refuse it until then; is the clock right?", second(i.NotBefore)))
	case i.Left(now) < 0:
		all = append(all, fmt.Sprintf("it expired on %s, and clients refuse it; renew it", day(i.NotAfter)))
	case i.IsDue(now):
		all = append(all, fmt.Sprintf("it expires on %s, in less than a third of its lifetime; renew it", day(i.NotAfter)))
	}
	if c := i.stapleProblem(now); c != "" {
		all = append(all, c)
	}
	return all
}

// NewPair checks a certificate from ACME as LoadFiles checks files, but accepts one that expired at
// most overdue ago.
func NewPair(c tls.Certificate, now time.Time, overdue time.Duration) (*Pair, error) {
	chain := make([]*x509.Certificate, 0, len(c.Certificate))
	for i, der := range c.Certificate {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("certificate number %d of the chain: %w", i+1, err)
		}
		chain = append(chain, cert)
	}
	if len(chain) == 0 {
		return nil, fmt.Errorf("certificate: %w", errNoCertificate)
	}
	if isMustStaple(chain[0]) {
		return nil, fmt.Errorf("certificate: %w", errMustStaple)
	}
	if err := checkEnd(chain[0], now.Add(-overdue)); err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	warnings, err := checkChain(chain, now)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	key, ok := c.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, errors.New("certificate: there is no private key that signs")
	}
	if public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool }); !ok || !public.Equal(chain[0].PublicKey) {
		return nil, errors.New("certificate: private key does not match")
	}
	c.Leaf = chain[0]
	c.OCSPStaple = nil
	info := newInfo(SourceACME, chain[0], now)
	info.Warnings = warnings
	return &Pair{certificate: c, info: info}, nil
}

// Info returns the public data of the certificate.
func (p *Pair) Info() Info { return p.info }

// isSameAs reports whether the two are the same to clients, except for OCSP responses.
func (p *Pair) isSameAs(other *Pair) bool {
	return p.info.Source == other.info.Source && slices.EqualFunc(p.certificate.Certificate, other.certificate.Certificate, bytes.Equal)
}

// isStapledLike reports whether the two have the same OCSP responses.
func (p *Pair) isStapledLike(other *Pair) bool {
	return slices.EqualFunc(p.staples, other.staples, func(a, b staple) bool {
		return bytes.Equal(a.certificate.OCSPStaple, b.certificate.OCSPStaple)
	})
}

// PEM returns the certificate chain, without the key.
func (p *Pair) PEM() []byte {
	var chain []byte
	for _, der := range p.certificate.Certificate {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return chain
}

// serve returns what a handshake at now presents, without OCSP responses that are not valid then.
func (p *Pair) serve(now time.Time) *tls.Certificate {
	for i := range p.staples {
		if s := &p.staples[i]; s.isGood(now) {
			return &s.certificate
		}
	}
	return &p.certificate
}

// Describe returns the public data of a certificate that no store serves.
func Describe(source Source, leaf *x509.Certificate, loadedAt time.Time) Info {
	return newInfo(source, leaf, loadedAt)
}

func newInfo(source Source, leaf *x509.Certificate, now time.Time) Info {
	sum := sha256.Sum256(leaf.Raw)
	return Info{
		Source:    source,
		Subject:   leaf.Subject.String(),
		Issuer:    leaf.Issuer.String(),
		Names:     namesOf(leaf),
		Key:       keyName(leaf),
		NotBefore: leaf.NotBefore,
		NotAfter:  leaf.NotAfter,
		LoadedAt:  now,
		SHA256:    hex.EncodeToString(sum[:]),
	}
}

// stapleProblem returns what is wrong with the OCSP response at now, or "".
func (i Info) stapleProblem(now time.Time) string {
	left, end := i.StapleUntil.Sub(now), second(i.StapleUntil)
	switch {
	case i.StapleFile == "":
		return ""
	case now.Before(i.StapleFrom):
		return fmt.Sprintf("its OCSP answer %s is good only from %s on and is left out until then; is the clock right?", i.StapleFile, second(i.StapleFrom))
	case left <= 0:
		return fmt.Sprintf("its OCSP answer %s ended at %s and is left out; fetch it anew", i.StapleFile, end)
	case left >= stapleSoon:
		return ""
	}
	return fmt.Sprintf("its OCSP answer %s ends at %s and is then left out; fetch it anew", i.StapleFile, end)
}

// keepStaple keeps the OCSP response that old serves at now, if p's own is not valid then and both
// are for the same certificate.
func (p *Pair) keepStaple(old *Pair, now time.Time) {
	if len(p.staples) == 0 || p.staples[0].isGood(now) || p.info.SHA256 != old.info.SHA256 {
		return
	}
	for _, s := range old.staples {
		if s.isGood(now) {
			kept := staple{certificate: p.certificate, from: s.from, until: s.until}
			kept.certificate.OCSPStaple = s.certificate.OCSPStaple
			p.staples = append(p.staples[:1], kept)
			return
		}
	}
}
