package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	// Each full handshake signs once. A larger RSA key makes each handshake too expensive for us.
	maxRSABits = 4096
	// The minimum that browsers and the CA/Browser Forum require.
	minRSABits = 2048
)

var (
	errNoCertificate = errors.New("there is no PEM certificate in the file")
	errMustStaple    = errors.New("it demands a stapled OCSP answer (must-staple); name one with ocsp_file, or issue it without")
)

// checkEnd refuses a certificate that has expired.
func checkEnd(leaf *x509.Certificate, now time.Time) error {
	if now.After(leaf.NotAfter) {
		return fmt.Errorf("it expired on %s; renew it", day(leaf.NotAfter))
	}
	return nil
}

// checkChain returns an error for a chain that clients refuse, and warnings for what only some
// refuse. checkEnd checks the end of the leaf, and [Info.Problems] its beginning.
func checkChain(chain []*x509.Certificate, now time.Time) (warnings []string, err error) {
	leaf := chain[0]
	warning, err := checkKeyType(leaf)
	if err != nil {
		return nil, err
	}
	if warning != "" {
		warnings = append(warnings, warning)
	}
	for i, c := range chain[:len(chain)-1] {
		parent := chain[i+1]
		if !bytes.Equal(c.RawIssuer, parent.RawSubject) || c.CheckSignatureFrom(parent) != nil {
			return nil, fmt.Errorf("number %d in the file (%s) was not issued by number %d (%s); the order is the server's own certificate, then each one's issuer",
				i+1, c.Subject, i+2, parent.Subject)
		}
		switch {
		case now.After(parent.NotAfter):
			warnings = append(warnings, fmt.Sprintf("number %d of the chain (%s) expired on %s; some clients will refuse it", i+2, parent.Subject, day(parent.NotAfter)))
		case now.Before(parent.NotBefore):
			warnings = append(warnings, fmt.Sprintf("number %d of the chain (%s) is valid only from %s on; clients refuse it until then", i+2, parent.Subject, second(parent.NotBefore)))
		}
	}
	return append(warnings, leafWarnings(leaf)...), nil
}

func checkKeyType(leaf *x509.Certificate) (warning string, err error) {
	switch key := leaf.PublicKey.(type) {
	case *ecdsa.PublicKey:
		return "", nil
	case *rsa.PublicKey:
		switch bits := key.N.BitLen(); {
		case bits > maxRSABits:
			return "", fmt.Errorf("its RSA key has %d bits, more than %d: each handshake would cost too much; use ECDSA P-256", bits, maxRSABits)
		case bits < minRSABits:
			return "", fmt.Errorf("its RSA key has %d bits, less than %d: clients refuse it; use ECDSA P-256", bits, minRSABits)
		}
		return "its key is RSA: handshakes cost several times as much as with ECDSA P-256", nil
	case ed25519.PublicKey:
		return "its key is Ed25519, which browsers refuse; use ECDSA P-256", nil
	default:
		return "", fmt.Errorf("its key type %s cannot be served; use ECDSA P-256", leaf.PublicKeyAlgorithm)
	}
}

func leafWarnings(leaf *x509.Certificate) []string {
	var warnings []string
	if len(leaf.DNSNames) == 0 && len(leaf.IPAddresses) == 0 {
		warnings = append(warnings, "it names no host in subjectAltName, so every client will refuse it")
	}
	usages := leaf.ExtKeyUsage
	if (len(usages) > 0 || len(leaf.UnknownExtKeyUsage) > 0) &&
		!slices.Contains(usages, x509.ExtKeyUsageServerAuth) && !slices.Contains(usages, x509.ExtKeyUsageAny) {
		warnings = append(warnings, "it is not meant for servers (extendedKeyUsage without serverAuth), so clients will refuse it")
	}
	return warnings
}

// isMustStaple reports whether the leaf has the TLS feature extension (RFC 7633) that requires
// status_request.
func isMustStaple(leaf *x509.Certificate) bool {
	tlsFeature := asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24}
	for _, e := range leaf.Extensions {
		var features []int
		if e.Id.Equal(tlsFeature) {
			if _, err := asn1.Unmarshal(e.Value, &features); err == nil && slices.Contains(features, 5) {
				return true
			}
		}
	}
	return false
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

func second(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// keyName returns the usual name of the type of a leaf's key.
func keyName(leaf *x509.Certificate) string {
	switch key := leaf.PublicKey.(type) {
	case *ecdsa.PublicKey:
		return "ECDSA " + key.Curve.Params().Name
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", key.N.BitLen())
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return leaf.PublicKeyAlgorithm.String()
}
