package access

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
)

// identity is one name that a client certificate can be known by: "uri:…" or "dns:…" of its
// subjectAltName, or "spki:…", the SHA-256 of its public key. Equal texts are equal identities.
type identity string

const identityHint = `write "uri:hassesd:client:alice", "dns:backend1.example.org" or "spki:" and 64 hexadecimal digits, ` +
	`as hassesctl pki issue prints them`

// parseIdentity parses an entry of a list of roles.
func parseIdentity(text string) (identity, error) {
	kind, name, _ := strings.Cut(text, ":")
	switch kind {
	case "spki":
		sum, err := hex.DecodeString(name)
		if err != nil || len(sum) != sha256.Size {
			return "", fmt.Errorf("%q does not have the %d hexadecimal digits of a SHA-256: %s", text, 2*sha256.Size, identityHint)
		}
		return identity("spki:" + hex.EncodeToString(sum)), nil
	case "dns":
		if !isDNSName(name) {
			return "", fmt.Errorf("%q does not have a whole DNS name: %s", text, identityHint)
		}
		return identity("dns:" + strings.ToLower(name)), nil
	case "uri":
		u, err := url.Parse(name)
		if err != nil || u.Scheme == "" || u.String() != name {
			return "", fmt.Errorf("%q does not have a whole URI, with its scheme: %s", text, identityHint)
		}
		return identity("uri:" + name), nil
	}
	return "", fmt.Errorf("%q names no certificate: %s", text, identityHint)
}

// isDNSName reports whether name is a DNS name that fits into a certificate and a log line. A
// pattern is not one.
func isDNSName(name string) bool {
	return name != "" && len(name) <= 253 && !strings.ContainsFunc(name, func(r rune) bool {
		return r != '-' && r != '.' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}
