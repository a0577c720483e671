package certs

import (
	"crypto/tls"
	"fmt"
	"sync/atomic"
	"time"
)

// Store gives every new connection the current certificate. Its methods may be called from any goroutine.
type Store struct {
	minVersion uint16 // fixed
	current    atomic.Pointer[snapshot]
}

// snapshot is never changed once it is published.
type snapshot struct {
	pair   *Pair
	config *tls.Config
}

// NewStore serves a pair to clients of at least the TLS version, "1.2" or "1.3".
func NewStore(p *Pair, minVersion string) (*Store, error) {
	s := &Store{}
	switch minVersion {
	case "1.2":
		s.minVersion = tls.VersionTLS12
	case "1.3":
		s.minVersion = tls.VersionTLS13
	default:
		return nil, fmt.Errorf("TLS version %q is not one of 1.2, 1.3", minVersion)
	}
	s.Replace(p)
	return s, nil
}

// Config returns the configuration for a new connection. Connections of one snapshot share it, and with it
// the keys of session tickets; it must not be changed or cloned.
func (s *Store) Config() *tls.Config { return s.current.Load().config }

// Info describes the certificate that is served now.
func (s *Store) Info() Info { return s.current.Load().pair.info }

// PEM returns the chain that is served now.
func (s *Store) PEM() []byte { return s.current.Load().pair.PEM() }

// Replace serves p from the next connection on; live ones keep what they have.
func (s *Store) Replace(p *Pair) {
	s.current.Store(&snapshot{pair: p, config: newConfig(p, s.minVersion)})
}

// Reload reads the files and serves them from the next connection on. On an error the old certificate
// stays.
func (s *Store) Reload(certFile, keyFile string, now time.Time) (Info, error) {
	p, err := LoadFiles(certFile, keyFile, now)
	if err != nil {
		return Info{}, err
	}
	s.Replace(p)
	return p.info, nil
}

// newConfig makes a configuration from nothing: a clone of a used one would carry session ticket keys over,
// and with them sessions that were agreed under another policy.
func newConfig(p *Pair, minVersion uint16) *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{p.certificate},
		MinVersion:   minVersion,
		// TLS 1.2: forward secrecy and authenticated encryption only. TLS 1.3 has no other suites.
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
			tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		// P-521 is left out: it costs the server much more than the client.
		CurvePreferences: []tls.CurveID{tls.X25519MLKEM768, tls.X25519, tls.CurveP256, tls.CurveP384},
		// A client that offers protocols without one of these is refused (ALPACA); one that offers none is not.
		NextProtos: []string{"http/1.1", "http/1.0"},
		// Events are written in whole records; small first ones would only cost more system calls.
		DynamicRecordSizingDisabled: true,
	}
}
