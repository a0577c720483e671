package certs

import (
	"crypto/tls"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// snapshot is what handshakes and requests read. It never changes after publication.
type snapshot struct {
	config     *tls.Config
	answers    func(serverName, host string) bool // the method serves, bound once
	strict     bool
	exact      map[string]*group
	wildcard   map[string]*group // example.org for *.example.org
	defaults   []*group          // for names without a certificate and clients that send no name, in order of preference
	known      nameSet           // of all certificates
	challenges map[string]*tls.Certificate
	now        func() time.Time
}

// group is the certificates for one name, in order of preference of their keys.
type group struct{ members []member }

type member struct {
	pair  *Pair
	names nameSet // of the pair
}

func (g *group) add(p *Pair) {
	if slices.ContainsFunc(g.members, func(m member) bool { return m.pair == p }) {
		return
	}
	m := member{p, newNameSet()}
	for _, name := range p.info.Names {
		m.names.add(name)
	}
	g.members = append(g.members, m)
	slices.SortStableFunc(g.members, func(a, b member) int { return a.pair.rank() - b.pair.rank() })
}

// usability returns that of the best certificate. The others are not served.
func (g *group) usability(now time.Time) usability {
	best := expired
	for _, m := range g.members {
		best = min(best, m.pair.usability(now))
	}
	return best
}

// isFor reports whether any certificate that may be served at now has the canonical name, and
// whether all of them have no names.
func (g *group) isFor(host string, now time.Time) (isFor, isNameless bool) {
	best := g.usability(now)
	isNameless = true
	for _, m := range g.members {
		if m.pair.usability(now) == best {
			isFor = isFor || m.names.has(host)
			isNameless = isNameless && m.names.isEmpty()
		}
	}
	return isFor, isNameless
}

// usability is how useful a certificate is to a client. The smallest value wins.
type usability int

const (
	usable      usability = iota // clients can trust it
	notYetValid                  // clients refuse it for now, or our clock is behind
	placeholder                  // self-signed, until there is a real one
	expired                      // every client refuses it
)

func (p *Pair) usability(now time.Time) usability {
	switch {
	case now.After(p.info.NotAfter):
		return expired
	case p.info.isEarly(now):
		return notYetValid
	case p.info.Source == SourceSelfSigned:
		return placeholder
	}
	return usable
}

// rank orders types of keys by the cost of a handshake, with those that few clients support last.
func (p *Pair) rank() int {
	switch {
	case strings.HasPrefix(p.info.Key, "ECDSA"):
		return 0
	case strings.HasPrefix(p.info.Key, "RSA"):
		return 1
	}
	return 2 // Ed25519
}

// index builds the maps from names to certificates. Of two with the same name, type of key and
// usability, the first wins. defaults are for all other names, in order of preference.
func (s *snapshot) index(pairs, defaults []*Pair) {
	s.exact, s.wildcard, s.known = map[string]*group{}, map[string]*group{}, newNameSet()
	for _, p := range pairs {
		for _, name := range p.info.Names {
			s.known.add(name)
			if _, err := netip.ParseAddr(name); err == nil {
				continue // no client asks for an address by SNI (RFC 6066 section 3)
			}
			into, key := s.exact, canonical(name)
			if rest, ok := strings.CutPrefix(key, "*."); ok {
				into, key = s.wildcard, rest
			}
			if into[key] == nil {
				into[key] = &group{}
			}
			into[key].add(p)
		}
	}
	for _, d := range defaults {
		g := &group{}
		g.add(d)
		for _, p := range pairs {
			if slices.Equal(p.info.Names, d.info.Names) {
				g.add(p) // the same with another type of key
			}
		}
		s.defaults = append(s.defaults, g)
	}
}

// groupFor returns the certificates for a server name, which may be empty, or nil.
func (s *snapshot) groupFor(serverName string, now time.Time) *group {
	if g := s.named(serverName, now); g != nil {
		return g
	}
	if s.strict {
		return nil
	}
	var best *group
	for _, g := range s.defaults {
		if best == nil || g.usability(now) < best.usability(now) {
			best = g
		}
	}
	return best
}

// named returns the certificates for the exact name, or those for a wildcard if they are more
// usable; nil if there are none.
func (s *snapshot) named(serverName string, now time.Time) *group {
	if serverName == "" {
		return nil
	}
	name := canonical(serverName)
	exact, wildcard := s.exact[name], s.wildcard[parent(name)]
	if exact == nil || wildcard != nil && wildcard.usability(now) < exact.usability(now) {
		return wildcard
	}
	return exact
}

// choose implements tls.Config.GetCertificate. For a nil certificate and a nil error, crypto/tls
// replies with unrecognized_name.
func (s *snapshot) choose(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if slices.Equal(hello.SupportedProtos, []string{protoChallenge}) {
		return s.challenges[canonical(hello.ServerName)], nil
	}
	now := s.now()
	g := s.groupFor(hello.ServerName, now)
	if g == nil {
		return nil, nil //nolint:nilnil // see above
	}
	return g.choose(hello, now).serve(now), nil
}

// choose returns the first certificate that the client supports, or the first one if it supports
// none. It ignores those that are less usable than the best: an untrusted certificate does not help
// a client that does not support RSA.
func (g *group) choose(hello *tls.ClientHelloInfo, now time.Time) *Pair {
	usability := g.usability(now)
	var first *Pair
	others := false
	for _, m := range g.members {
		switch {
		case m.pair.usability(now) != usability:
		case first == nil:
			first = m.pair
		default:
			others = true
		}
	}
	if !others {
		return first
	}
	nameless := *hello
	nameless.ServerName = "" // the name has been matched already, with a fallback
	for _, m := range g.members {
		if m.pair.usability(now) == usability && nameless.SupportsCertificate(&m.pair.certificate) == nil {
			return m.pair
		}
	}
	return first
}

// serves reports whether to serve a request for host on a connection whose client asked for
// serverName, both as sent. See [Store.Config].
func (s *snapshot) serves(serverName, host string) bool {
	now := s.now()
	g := s.groupFor(serverName, now)
	host = hostOf(host)
	if host == "" || g == nil {
		return true
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return true // clients cannot select a certificate by address
	}
	host = canonical(host)
	isFor, isNameless := g.isFor(host, now)
	switch {
	case isFor:
		return true
	case isNameless || s.named(serverName, now) == nil:
		return !s.known.has(host) // it got the default, which is wrong only if there is a right one
	}
	return false
}
