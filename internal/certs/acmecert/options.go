package acmecert

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"

	"github.com/hassesd/hassesd/internal/certs"
)

// Store receives certificates and challenge responses. Its methods must be safe for concurrent use
// and must not wait.
type Store interface {
	SetACMEHosts(hosts []string) // in the order of preference
	SetACME(host string, p *certs.Pair)
	SetChallenge(host string, c *tls.Certificate) // nil removes it
}

// Options configure a manager. All fields are required, except where noted.
type Options struct {
	Hosts      []string // a certificate each
	Email      string   // contact address; may be empty
	Directory  string   // the authority's directory URL
	Roots      *x509.CertPool
	CacheDir   string // prepared by PrepareCache
	EABKeyID   string // external account binding; empty: none
	EABKey     []byte
	Challenges []Challenge // usable ones, in order of preference
	SelfSigned bool        // serve a self-signed certificate until there is a real one
	Store      Store
	Logger     *slog.Logger
}
