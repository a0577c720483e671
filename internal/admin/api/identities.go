package api

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"strings"
)

// Identities returns all identities of a certificate that lists of roles can name, its names before
// its key.
func Identities(c *x509.Certificate) []string {
	var all []string
	for _, u := range c.URIs {
		all = append(all, "uri:"+u.String())
	}
	for _, name := range c.DNSNames {
		all = append(all, "dns:"+strings.ToLower(name))
	}
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return append(all, "spki:"+hex.EncodeToString(sum[:]))
}
