package certs

import (
	"crypto/tls"
	"slices"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"
)

// rotateNow is the end of a key's time.
func (s *Store) rotateNow() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rotate(s.now())
}

// resumer is a client that keeps its session tickets.
type resumer struct {
	t      *testing.T
	s      *Store
	config *tls.Config
}

func newResumer(t *testing.T, s *Store, version uint16) *resumer {
	c := asking("www.example.org")
	c.MinVersion, c.MaxVersion = version, version
	c.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	return &resumer{t, s, c}
}

// want connects and says whether the session must have been resumed.
func (r *resumer) want(resumed bool, when string) {
	r.t.Helper()
	state, err := shakeHands(r.t, configOf(r.s), r.config)
	if err != nil {
		r.t.Fatalf("%s: %v", when, err)
	}
	if state.DidResume != resumed {
		r.t.Errorf("%s, %s: resumed %v, want %v", tls.VersionName(state.Version), when, state.DidResume, resumed)
	}
}

var bothVersions = []uint16{tls.VersionTLS12, tls.VersionTLS13}

func TestTicketsOutliveTwoRotations(t *testing.T) {
	for _, version := range bothVersions {
		s := newStore(t, usual, pairOf(t, issue(t, nil, server())))
		r := newResumer(t, s, version)
		r.want(false, "first")
		r.want(true, "again")
		s.rotateNow()
		s.rotateNow()
		r.want(true, "after two rotations")
		for range ticketKeys {
			s.rotateNow()
		}
		r.want(false, "after three more")
		r.want(true, "after those")
	}
}

func TestTicketsAreForgottenWhenCertificatesOrPolicyChange(t *testing.T) {
	pair, other := pairOf(t, issue(t, nil, server())), pairOf(t, issue(t, nil, server()))
	strict := Policy{MinVersion: "1.2", Tickets: true, SNIStrict: true}
	for _, version := range bothVersions {
		s := newStore(t, usual, pair)
		r := newResumer(t, s, version)
		r.want(false, "first")
		for name, change := range map[string]func(){
			"files": func() { s.SetFiles([]*Pair{other}, 0) },
			"ACME":  func() { s.SetACME("www.example.org", pair) },
			"policy": func() {
				if err := s.SetPolicy(strict); err != nil {
					t.Fatal(err)
				}
			},
		} {
			r.want(true, "before a change of "+name)
			change()
			r.want(false, "after a change of "+name)
		}
		before := configOf(s)
		if err := s.SetPolicy(strict); err != nil {
			t.Fatal(err)
		}
		s.SetFiles([]*Pair{other}, 0)
		s.SetACME("www.example.org", pair)
		if configOf(s) != before {
			t.Error("nothing has changed, and handshakes get another configuration")
		}
		r.want(true, "after the same again")
	}
}

func TestAnotherOCSPAnswerLeavesSessionsAlone(t *testing.T) {
	c := newChain(t)
	load := func(change func(*ocsp.Response)) *Pair {
		t.Helper()
		p, err := loadStapled(t, answerFor(t, c, change), c.leaf, c.intermediate)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	s := newStore(t, usual, load(nil))
	r := newResumer(t, s, tls.VersionTLS13)
	r.want(false, "first")
	before := configOf(s)
	s.SetFiles([]*Pair{load(func(o *ocsp.Response) { o.NextUpdate = noon.Add(100 * time.Hour) })}, 0)
	if configOf(s) == before {
		t.Error("the new answer is not sent")
	}
	r.want(true, "after another answer")
}

func TestWithoutTickets(t *testing.T) {
	for _, version := range bothVersions {
		s := newStore(t, Policy{MinVersion: "1.2"}, pairOf(t, issue(t, nil, server())))
		r := newResumer(t, s, version)
		r.want(false, "first")
		s.rotateNow()
		r.want(false, "again")
	}
}

// oneSession is a cache that offers the last session whatever the name, as a client should not.
type oneSession struct{ state *tls.ClientSessionState }

func (c *oneSession) Get(string) (*tls.ClientSessionState, bool) { return c.state, c.state != nil }
func (c *oneSession) Put(_ string, state *tls.ClientSessionState) {
	if state != nil {
		c.state = state
	}
}

func TestATicketIsForOneName(t *testing.T) {
	for _, version := range bothVersions {
		s := newStore(t, usual, pairOf(t, issue(t, nil, forHosts("a.example", "b.example"))))
		r := newResumer(t, s, version)
		r.config.ClientSessionCache = &oneSession{}
		r.config.ServerName = "a.example"
		r.want(false, "first")
		r.want(true, "the same name")
		r.config.ServerName = "b.example"
		r.want(false, "another name")
		r.want(true, "the other name again")
	}
}

func TestTheRingKeepsTheNewestKeys(t *testing.T) {
	var ring ticketRing
	var seen [][32]byte
	for range 5 {
		ring = ring.rotated(time.Unix(0, 0))
		seen = append([][32]byte{ring[0].key}, seen...)
	}
	if !slices.Equal(ring.keys(), seen[:ticketKeys]) {
		t.Errorf("the ring has %d keys, or not the newest", len(ring))
	}
}
