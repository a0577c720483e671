package certs

import (
	"crypto/tls"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Store gives every new connection the certificates in force. Its methods may be called from any goroutine. Those that
// hand out answers never wait; those that change something take effect from the next connection on, and live
// connections keep what they have.
type Store struct {
	now            func() time.Time // fixed
	current        atomic.Pointer[snapshot]
	ticketsChanged chan struct{} // holds one signal; see TicketsChanged

	mu sync.Mutex // guards all below: what the next snapshot is made of
	// Guarded by mu.
	policy       Policy
	files        []*Pair
	defaultIndex int
	acmeHosts    []string // canonical, in the order of the configuration, or in which they came
	acme         map[string]*Pair
	acmeBefore   map[string]*Pair // what is served while that of acme is not valid yet
	challenges   map[string]*tls.Certificate
	tickets      ticketRing
}

// NewStore makes a store without certificates: until it has one, every handshake is refused.
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

// Config returns the configuration for a new connection. Connections of one snapshot share it, and with it
// the keys of session tickets; it must not be changed or cloned.
//
// serves goes with it: it says whether a request whose Host field is host may be answered on a connection that was
// agreed under the configuration, and whose client asked for serverName, which is empty when it named nobody; if not, the
// answer is 421 Misdirected Request. What the certificates have become since does not matter: the client knows what it was
// shown. The host must belong to the certificates that the name chooses. Where the name chose nothing (there was none, or it
// is in no certificate and the default was shown), or the certificate names no host, any host will do that is not
// another certificate's. An address will always do: clients cannot choose by it.
func (s *Store) Config() (config *tls.Config, serves func(serverName, host string) bool) {
	current := s.current.Load()
	return current.config, current.answers
}

// SetPolicy puts a policy in force. Sessions that were agreed under another cannot be resumed.
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

// SetFiles replaces all certificates that came from files, or from development mode. The one at defaultIndex is for
// those who ask for a name that no certificate has, or for none. Where they are what is in force, nothing changes for
// anybody; with other OCSP answers alone, sessions can still be resumed.
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

// SetACMEHosts says in which order the hosts of SetACME are preferred as the default. Without it, it is the order in which
// they come.
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

// SetACME takes the certificate that host was issued, or issued anew, or one that stands in for it; nil takes it away. While
// it is not valid yet, the one before is served on, if that is valid. A
// certificate from a file with the same name, kind of key and standing is preferred. Without files, the default is the
// first host's that has one, preferably a real one.
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

// SetChallenge answers TLS-ALPN-01 for host with c; nil ends it. While there is any, acme-tls/1 is offered besides
// http/1.1.
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

// publish makes a snapshot of what there is, and puts it in force.
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
	next.config = newConfig(minVersion, next.choose, len(next.challenges) > 0)
	if s.policy.Tickets {
		s.tickets.useTickets(next.config)
	} else {
		next.config.SessionTicketsDisabled = true
	}
	s.current.Store(next)
}

// all is every certificate, those from files first.
func (s *Store) all() []*Pair { return append(slices.Clone(s.files), s.issued()...) }

// issued is what came over ACME, or stands in for it, in the order of preference; and behind what is not valid yet, what
// was before.
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

// defaults are the certificates for those who ask for a name that no certificate has, in the order of preference.
func (s *Store) defaults() []*Pair {
	if len(s.files) > 0 {
		return s.files[s.defaultIndex : s.defaultIndex+1]
	}
	return s.issued()
}

// Default returns the certificate for those who ask for a name that no certificate has; nil while there is none.
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

// Certificates returns what is served, those from files first, then those over ACME, each in the order of preference.
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

// setTickets is the only door to the ring, and tells whoever keeps the keys.
func (s *Store) setTickets(ring ticketRing) {
	s.tickets = ring
	select {
	case s.ticketsChanged <- struct{}{}:
	default: // the signal before has not been seen yet, and stands for this one too
	}
}
