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
	strict     bool
	exact      map[string]*group
	wildcard   map[string]*group // example.org for *.example.org
	fallback   *group            // for names that nobody has, and clients that name none; nil: no certificate at all
	known      nameSet           // of all certificates
	challenges map[string]*tls.Certificate
	now        func() time.Time
}

// group is certificates for the same name, the better kind of key first.
type group struct {
	pairs []*Pair
	names nameSet // of all of them
}

func newGroup() *group { return &group{names: newNameSet()} }

func (g *group) add(p *Pair) {
	if slices.Contains(g.pairs, p) {
		return
	}
	g.pairs = append(g.pairs, p)
	slices.SortStableFunc(g.pairs, func(a, b *Pair) int { return a.rank() - b.rank() })
	for _, name := range p.info.Names {
		g.names.add(name)
	}
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

// index sorts the certificates by name; where two have the same name and kind of key, the first wins. fallback is the
// one for everybody else, or nil.
func (s *snapshot) index(pairs []*Pair, fallback *Pair) {
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
				into[key] = newGroup()
			}
			into[key].add(p)
		}
	}
	if fallback == nil {
		return
	}
	s.fallback = newGroup()
	s.fallback.add(fallback)
	for _, p := range pairs {
		if slices.Equal(p.info.Names, fallback.info.Names) {
			s.fallback.add(p) // the same with another kind of key
		}
	}
}

// groupFor returns the certificates for what a client called us, empty if it said nothing; nil for none.
func (s *snapshot) groupFor(serverName string) *group {
	if g := s.named(serverName); g != nil {
		return g
	}
	if s.strict {
		return nil
	}
	return s.fallback
}

func (s *snapshot) named(serverName string) *group {
	if serverName == "" {
		return nil
	}
	name := canonical(serverName)
	if g := s.exact[name]; g != nil {
		return g
	}
	return s.wildcard[parent(name)]
}

// choose implements tls.Config.GetCertificate. No certificate and no error make crypto/tls answer unrecognized_name.
func (s *snapshot) choose(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if slices.Equal(hello.SupportedProtos, []string{protoChallenge}) {
		return s.challenges[canonical(hello.ServerName)], nil
	}
	g := s.groupFor(hello.ServerName)
	if g == nil {
		return nil, nil //nolint:nilnil // see above
	}
	best := g.pairs[0]
	if len(g.pairs) > 1 {
		nameless := *hello
		nameless.ServerName = "" // the name was looked at already, by rules that know a fallback
		for _, p := range g.pairs {
			if nameless.SupportsCertificate(&p.certificate) == nil {
				best = p
				break
			}
		}
	}
	return best.serve(s.now()), nil
}

// serves says whether a request for host may be answered on a connection whose client asked for serverName, both as
// they were sent. See [Store.Serves].
func (s *snapshot) serves(serverName, host string) bool {
	asked := s.named(serverName)
	g := s.groupFor(serverName)
	host = hostOf(host)
	if host == "" || g == nil {
		return true
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return true // no client can choose a certificate by address, so none was the wrong choice
	}
	host = canonical(host)
	switch {
	case g.names.has(host):
		return true
	case asked == nil || g.names.isEmpty():
		return !s.known.has(host) // it got the default: the wrong choice only if there was a right one
	}
	return false
}
