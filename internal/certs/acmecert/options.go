package acmecert

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"

	"github.com/hassesd/hassesd/internal/certs"
)

// Store is where certificates and challenge answers go; its methods must be safe from any goroutine and must not wait.
type Store interface {
	SetACMEHosts(hosts []string) // in the order of preference
	SetACME(host string, p *certs.Pair)
	SetChallenge(host string, c *tls.Certificate) // nil takes the answer away
}

// Options are what a manager is made of. All fields are needed, except where noted.
type Options struct {
	Hosts      []string // a certificate each
	Email      string   // where the authority may write to; may be empty
	Directory  string   // the authority's directory URL
	Roots      *x509.CertPool
	CacheDir   string // prepared by PrepareCache
	EABKeyID   string // external account binding; empty: none
	EABKey     []byte
	Challenges []Challenge // that can be answered, the preferred one first
	SelfSigned bool        // serve a self-signed certificate until there is a real one
	Store      Store
	Logger     *slog.Logger
}
