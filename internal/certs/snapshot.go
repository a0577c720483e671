package certs

import (
	"crypto/tls"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// snapshot is what handshakes and requests ask. It is never changed once it is published.
type snapshot struct {
	config     *tls.Config
	answers    func(serverName, host string) bool // serves, made once
	strict     bool
	exact      map[string]*group
	wildcard   map[string]*group // example.org for *.example.org
	defaults   []*group          // for names that nobody has, and clients that name none; the preferred one first
	known      nameSet           // of all certificates
	challenges map[string]*tls.Certificate
	now        func() time.Time
}

// group is certificates for the same name, the better kind of key first.
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

// standing is that of the best certificate; the others are not shown.
func (g *group) usability(now time.Time) usability {
	best := expired
	for _, m := range g.members {
		best = min(best, m.pair.usability(now))
	}
	return best
}

// isFor says whether any certificate that may be shown at now has the canonical name; isNameless, whether they have none
// at all.
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

// standing is what a certificate is worth to a client. The lesser number wins.
type usability int

const (
	usable      usability = iota // it can be trusted, as far as we know
	notYetValid                  // every client refuses it, but that ends by itself, or it is our clock that is behind
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

// rank orders keys by what a handshake costs, those that everybody understands before those that few do.
func (p *Pair) rank() int {
	switch {
	case strings.HasPrefix(p.info.Key, "ECDSA"):
		return 0
	case strings.HasPrefix(p.info.Key, "RSA"):
		return 1
	}
	return 2 // Ed25519
}

// index sorts the certificates by name; where two have the same name, kind of key and standing, the first wins. defaults
// are those for everybody else, the preferred one first.
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
				g.add(p) // the same with another kind of key
			}
		}
		s.defaults = append(s.defaults, g)
	}
}

// groupFor returns the certificates for what a client called us, empty if it said nothing; nil for none.
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

// named returns those that have the name: exactly, or by a wildcard where that alone is of use.
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

// choose implements tls.Config.GetCertificate. No certificate and no error make crypto/tls answer unrecognized_name.
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

// choose picks the first certificate that the client takes; if it takes none, the first one. Those of a lesser standing
// than the best are not looked at: a client that does not take RSA is not helped by one that nobody trusts.
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
	nameless.ServerName = "" // the name was looked at already, by rules that know a fallback
	for _, m := range g.members {
		if m.pair.usability(now) == usability && nameless.SupportsCertificate(&m.pair.certificate) == nil {
			return m.pair
		}
	}
	return first
}

// serves says whether a request for host may be answered on a connection whose client asked for serverName, both as
// they were sent. See [Store.Config].
func (s *snapshot) serves(serverName, host string) bool {
	now := s.now()
	g := s.groupFor(serverName, now)
	host = hostOf(host)
	if host == "" || g == nil {
		return true
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return true // no client can choose a certificate by address, so none was the wrong choice
	}
	host = canonical(host)
	isFor, isNameless := g.isFor(host, now)
	switch {
	case isFor:
		return true
	case isNameless || s.named(serverName, now) == nil:
		return !s.known.has(host) // it got the default: the wrong choice only if there was a right one
	}
	return false
}
