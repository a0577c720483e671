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
	now     func() time.Time // fixed
	current atomic.Pointer[snapshot]

	mu sync.Mutex // guards all below: what the next snapshot is made of
	// Guarded by mu.
	policy       Policy
	files        []*Pair
	defaultIndex int
	acme         []acmePair // in the order in which they came
	challenges   map[string]*tls.Certificate
	tickets      ticketRing
}

// acmePair is the certificate of a host that has one over ACME.
type acmePair struct {
	host string
	pair *Pair
}

// NewStore makes a store without certificates: until it has one, every handshake is refused.
func NewStore(p Policy) (*Store, error) {
	s := &Store{now: time.Now, challenges: map[string]*tls.Certificate{}}
	if err := s.SetPolicy(p); err != nil {
		return nil, err
	}
	return s, nil
}

// Config returns the configuration for a new connection. Connections of one snapshot share it, and with it
// the keys of session tickets; it must not be changed or cloned.
func (s *Store) Config() *tls.Config { return s.current.Load().config }

// Serves says whether a request whose Host field is host may be answered on a connection whose client asked for
// serverName, which is empty when it named nobody; if not, the answer is 421 Misdirected Request. The host must belong
// to the certificates that the name chooses. Where the name chose nothing (there was none, or it is in no certificate and
// the default was shown), or the certificate names no host, any host will do that is not another certificate's. An address will always do: clients cannot choose by it.
func (s *Store) Serves(serverName, host string) bool {
	return s.current.Load().serves(serverName, host)
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
	s.tickets = newTicketRing()
	s.publish()
	return nil
}

// SetFiles replaces all certificates that came from files, or from development mode. The one at defaultIndex is for
// those who ask for a name that no certificate has, or for none.
func (s *Store) SetFiles(pairs []*Pair, defaultIndex int) {
	if len(pairs) > 0 && (defaultIndex < 0 || defaultIndex >= len(pairs)) {
		panic("certs: internal error: the default is none of the certificates")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files, s.defaultIndex = slices.Clone(pairs), defaultIndex
	s.tickets = newTicketRing()
	s.publish()
}

// SetACME takes the certificate that host was issued, or issued anew; nil takes it away. A certificate from a file with
// the same name and kind of key is preferred. Without files, the first host's is the default.
func (s *Store) SetACME(host string, p *Pair) {
	s.mu.Lock()
	defer s.mu.Unlock()
	host = canonical(host)
	i := slices.IndexFunc(s.acme, func(a acmePair) bool { return a.host == host })
	switch {
	case p == nil && i < 0:
		return
	case p == nil:
		s.acme = slices.Delete(slices.Clone(s.acme), i, i+1)
	case i < 0:
		s.acme = append(s.acme, acmePair{host, p})
	default:
		s.acme[i].pair = p
	}
	s.tickets = newTicketRing()
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

// RotateTickets seals session tickets with a new key; it wants to be called every [TicketRotation].
func (s *Store) RotateTickets() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tickets = s.tickets.rotated()
	if s.policy.Tickets {
		s.current.Load().config.SetSessionTicketKeys(s.tickets)
	}
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
	next.index(s.all(), s.defaultPair())
	next.config = newConfig(minVersion, next.choose, len(next.challenges) > 0)
	if s.policy.Tickets {
		s.tickets.useTickets(next.config)
	} else {
		next.config.SessionTicketsDisabled = true
	}
	s.current.Store(next)
}

// all is every certificate, those from files first.
func (s *Store) all() []*Pair {
	pairs := slices.Clone(s.files)
	for _, a := range s.acme {
		pairs = append(pairs, a.pair)
	}
	return pairs
}

func (s *Store) defaultPair() *Pair {
	switch {
	case len(s.files) > 0:
		return s.files[s.defaultIndex]
	case len(s.acme) > 0:
		return s.acme[0].pair
	}
	return nil
}

// Default returns the certificate for those who ask for a name that no certificate has; nil while there is none.
func (s *Store) Default() *Pair {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.defaultPair()
}

// Certificates returns what is served, those from files first, each in the order in which they were given or came.
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
