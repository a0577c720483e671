package acmecert

import (
	"maps"
	"sync"
	"sync/atomic"
)

// Challenge is a way to prove control of a host.
type Challenge string

// The supported challenges. Others of RFC 8555 need access to the DNS.
const (
	TLSALPN01 Challenge = "tls-alpn-01" // by a special certificate in a handshake on port 443 (RFC 8737)
	HTTP01    Challenge = "http-01"     // by a text below /.well-known/acme-challenge/ on port 80 (RFC 8555 section 8.3)
)

// Answers holds the responses to current http-01 challenges. Its methods may be called from any
// goroutine.
type Answers struct {
	mu      sync.Mutex // of writers
	current atomic.Pointer[map[string]string]
}

// Lookup returns the response for a token, which is the last part of the requested path. It never
// waits.
func (a *Answers) Lookup(token string) (string, bool) {
	m := a.current.Load()
	if m == nil {
		return "", false
	}
	answer, ok := (*m)[token]
	return answer, ok
}

// set publishes a response, or removes it if it is empty.
func (a *Answers) set(token, answer string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	next := map[string]string{}
	if m := a.current.Load(); m != nil {
		next = maps.Clone(*m)
	}
	if answer == "" {
		delete(next, token)
	} else {
		next[token] = answer
	}
	a.current.Store(&next)
}
