package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// rootCertificates returns the public certificate authorities that Mozilla trusts, in PEM with the name of each above it,
// sorted by name. ACME needs them, and whatever else the daemon fetches over TLS. Authorities that are trusted only under
// conditions, such as for certificates issued before a date, are left out: the file cannot express the conditions.
func rootCertificates() ([]byte, error) {
	var roots []string
	for r := range bundle.Roots() {
		if r.Constraint != nil {
			continue
		}
		certificate, err := x509.ParseCertificate(r.Certificate)
		if err != nil {
			return nil, fmt.Errorf("a root certificate: %w", err)
		}
		var b bytes.Buffer
		fmt.Fprintf(&b, "# %s\n", certificate.Subject)
		if err := pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate}); err != nil {
			return nil, err
		}
		roots = append(roots, b.String())
	}
	if len(roots) == 0 {
		return nil, errors.New("there are no root certificates")
	}
	slices.Sort(roots)
	return []byte(strings.Join(roots, "")), nil
}
