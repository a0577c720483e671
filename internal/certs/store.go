package certs

import (
	"crypto/tls"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Store gives every new connection the current certificates. Its methods may be called from any
// goroutine. Methods that return certificates never wait. Changes apply to new connections; open
// connections keep what they have.
type Store struct {
	now            func() time.Time // fixed
	current        atomic.Pointer[snapshot]
	ticketsChanged chan struct{} // holds one signal; see TicketsChanged

	mu sync.Mutex // guards everything below, from which the next snapshot is built
	// Guarded by mu.
	policy       Policy
	files        []*Pair
	defaultIndex int
	acmeHosts    []string // canonical, in the order of the configuration, or of arrival
	acme         map[string]*Pair
	acmeBefore   map[string]*Pair // served while the one in acme is not valid yet
	challenges   map[string]*tls.Certificate
	tickets      ticketRing
}

// NewStore returns a store without certificates. Until it has one, every handshake fails.
func NewStore(p Policy) (*Store, error) {
	s := &Store{
		now: time.Now, acme: map[string]*Pair{}, acmeBefore: map[string]*Pair{}, challenges: map[string]*tls.Certificate{},
		ticketsChanged: make(chan struct{}, 1),
	}
	if err := s.SetPolicy(p); err != nil {
		return nil, err
	}
	return s, nil
}

// Config returns the configuration for a new connection. The connections of one snapshot share it,
// and with it the session ticket keys. It must not be changed or cloned.
//
// serves reports whether to serve a request with the Host field host on a connection of that
// configuration whose client asked for serverName, which may be empty. Otherwise, the response is
// 421 Misdirected Request. Later changes of the certificates do not matter, because the client saw
// the earlier ones. The host must belong to the certificates for serverName. If there are none (the
// client sent no name, or got the default certificate), or if the certificate has no names, any
// host will do unless it belongs to another certificate. An address always will, because clients
// cannot select a certificate by address.
func (s *Store) Config() (config *tls.Config, serves func(serverName, host string) bool) {
	current := s.current.Load()
	return current.config, current.answers
}

// SetPolicy replaces the policy. Sessions established under another policy cannot be resumed.
func (s *Store) SetPolicy(p Policy) error {
	if _, err := p.minVersion(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current.Load() != nil && p == s.policy {
		return nil
	}
	s.policy = p
	s.setTickets(newTicketRing(s.now()))
	s.publish()
	return nil
}

// SetFiles replaces all certificates from files or development mode. The one at defaultIndex is for
// clients that ask for a name without a certificate, or for none. If nothing has changed, SetFiles
// has no effect. If only OCSP responses have, sessions can still be resumed.
func (s *Store) SetFiles(pairs []*Pair, defaultIndex int) {
	if len(pairs) > 0 && (defaultIndex < 0 || defaultIndex >= len(pairs)) {
		panic("certs: internal error: the default is none of the certificates")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	isSame := defaultIndex == s.defaultIndex && slices.EqualFunc(pairs, s.files, (*Pair).isSameAs)
	isStapledLike := isSame && slices.EqualFunc(pairs, s.files, (*Pair).isStapledLike)
	s.files, s.defaultIndex = slices.Clone(pairs), defaultIndex
	if isStapledLike {
		return
	}
	if !isSame {
		s.setTickets(newTicketRing(s.now()))
	}
	s.publish()
}

// SetACMEHosts sets the order in which hosts of SetACME are preferred as the default. Without it,
// that is the order of their first certificates.
func (s *Store) SetACMEHosts(hosts []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var order []string
	for _, host := range hosts {
		order = append(order, canonical(host))
	}
	for _, host := range s.acmeHosts {
		if !slices.Contains(order, host) {
			order = append(order, host)
		}
	}
	s.acmeHosts = order
	s.publish()
}

// SetACME sets the certificate issued for host, or a placeholder for it; nil removes it. While it
// is not valid yet, the store keeps serving the previous one, if that is valid. The store prefers a
// certificate from a file with the same name, type of key and usability. Without files, the default
// is the certificate of the first host that has one, preferably not a placeholder.
func (s *Store) SetACME(host string, p *Pair) {
	s.mu.Lock()
	defer s.mu.Unlock()
	host = canonical(host)
	old := s.acme[host]
	switch {
	case p == nil && old == nil || p != nil && old != nil && p.isSameAs(old):
		return
	case p == nil:
		delete(s.acme, host)
		delete(s.acmeBefore, host)
	default:
		now := s.now()
		switch {
		case !p.info.isEarly(now):
			delete(s.acmeBefore, host)
		case old != nil && old.usability(now) == usable:
			s.acmeBefore[host] = old
		}
		s.acme[host] = p
		if !slices.Contains(s.acmeHosts, host) {
			s.acmeHosts = append(s.acmeHosts, host)
		}
	}
	s.setTickets(newTicketRing(s.now()))
	s.publish()
}

// SetChallenge sets the certificate for a TLS-ALPN-01 challenge for host; nil removes it. While
// there is one, the configuration offers acme-tls/1 besides http/1.1.
func (s *Store) SetChallenge(host string, c *tls.Certificate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c == nil {
		delete(s.challenges, canonical(host))
	} else {
		s.challenges[canonical(host)] = c
	}
	s.publish()
}

// publish builds a snapshot and makes it current.
func (s *Store) publish() {
	minVersion, err := s.policy.minVersion()
	if err != nil {
		panic("certs: internal error: the policy was not checked: " + err.Error())
	}
	next := &snapshot{strict: s.policy.SNIStrict, now: s.now, challenges: make(map[string]*tls.Certificate, len(s.challenges))}
	for host, c := range s.challenges {
		next.challenges[host] = c
	}
	next.index(s.all(), s.defaults())
	next.answers = next.serves
	next.config = newConfig(minVersion, next.choose, s.policy.HTTP2, len(next.challenges) > 0)
	if s.policy.Tickets {
		s.tickets.useTickets(next.config)
	} else {
		next.config.SessionTicketsDisabled = true
	}
	s.current.Store(next)
}

// all returns every certificate, those from files first.
func (s *Store) all() []*Pair { return append(slices.Clone(s.files), s.issued()...) }

// issued returns the certificates from ACME and their placeholders in the order of preference. One
// that is not valid yet is followed by its predecessor.
func (s *Store) issued() []*Pair {
	now := s.now()
	var pairs []*Pair
	for _, host := range s.acmeHosts {
		p := s.acme[host]
		if p == nil {
			continue
		}
		pairs = append(pairs, p)
		if before := s.acmeBefore[host]; before != nil && p.info.isEarly(now) {
			pairs = append(pairs, before)
		}
	}
	return pairs
}

// defaults returns the certificates for names without one, in the order of preference.
func (s *Store) defaults() []*Pair {
	if len(s.files) > 0 {
		return s.files[s.defaultIndex : s.defaultIndex+1]
	}
	return s.issued()
}

// Default returns the certificate for names without one, or nil if there is none.
func (s *Store) Default() *Pair {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	var best *Pair
	for _, p := range s.defaults() {
		if best == nil || p.usability(now) < best.usability(now) {
			best = p
		}
	}
	return best
}

// Certificates returns the served certificates, those from files first, then those from ACME, each
// in the order of preference.
func (s *Store) Certificates() []Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	pairs := s.all()
	infos := make([]Info, 0, len(pairs))
	for _, p := range pairs {
		infos = append(infos, p.info)
	}
	return infos
}

// setTickets is the only function that replaces the ring. It signals TicketsChanged.
func (s *Store) setTickets(ring ticketRing) {
	s.tickets = ring
	select {
	case s.ticketsChanged <- struct{}{}:
	default: // the previous signal has not been received yet, and covers this one
	}
}
