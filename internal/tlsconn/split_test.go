package tlsconn

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"testing"
)

var greeting = [][]byte{[]byte("HTTP/1.1 200 OK\r\n\r\n"), []byte("id: e-1\ndata: hello\n\n"), []byte("id: e-2\ndata: world\n\n")}

var request = []string{"GET /events HTTP/1.1\r\n", "Host: localhost\r\n\r\n"}

// visits are the conversations that must not notice how their bytes are cut.
func visits(t *testing.T) map[string]scenario {
	t.Helper()
	want := bytes.Join(greeting, nil)
	all := map[string]scenario{}
	for _, v := range versions {
		name := tls.VersionName(v)
		all[name] = scenario{config: serverConfig(v), client: visitor(clientConfig(v), want, request...), says: greeting}

		config := serverConfig(v)
		again := clientConfig(v)
		again.ClientSessionCache = ticketOf(t, config, clientConfig(v))
		all[name+" resumed"] = scenario{config: config, client: visitor(again, want, request...), says: greeting}
	}
	retry := serverConfig(tls.VersionTLS13)
	retry.CurvePreferences = []tls.CurveID{tls.CurveP256}
	two := clientConfig(tls.VersionTLS13)
	two.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP256}
	all["TLS 1.3 with HelloRetryRequest"] = scenario{config: retry, client: visitor(two, want, request...), says: greeting}

	mutual := serverConfig(tls.VersionTLS13)
	mutual.ClientAuth = tls.RequireAnyClientCert
	known := clientConfig(tls.VersionTLS13)
	known.Certificates = []tls.Certificate{steadyCertificate()}
	all["TLS 1.3 with client certificate"] = scenario{config: mutual, client: visitor(known, want, request...), says: greeting}
	return all
}

// postQuantum needs a hello of more than one segment.
func postQuantum() scenario {
	client := clientConfig(tls.VersionTLS13)
	client.CurvePreferences = []tls.CurveID{tls.X25519MLKEM768}
	return scenario{
		config: serverConfig(tls.VersionTLS13),
		client: visitor(client, bytes.Join(greeting, nil), request...),
		says:   greeting,
	}
}

// ticket is a session cache that always offers the same session.
type ticket struct{ state *tls.ClientSessionState }

func (c *ticket) Get(string) (*tls.ClientSessionState, bool) { return c.state, c.state != nil }
func (c *ticket) Put(_ string, s *tls.ClientSessionState) {
	if c.state == nil {
		c.state = s
	}
}

// ticketOf makes a first visit and returns the session it left.
func ticketOf(t *testing.T, server, client *tls.Config) *ticket {
	t.Helper()
	cache := &ticket{}
	client.ClientSessionCache = cache
	o := scenario{config: server, client: visitor(client, bytes.Join(greeting, nil)), says: greeting}.blocking(t)
	if o.client != nil || cache.state == nil {
		t.Fatalf("first visit: error %v, session %v", o.client, cache.state)
	}
	return cache
}

func TestResumptionReallyHappens(t *testing.T) {
	t.Parallel()
	for _, v := range versions {
		config := serverConfig(v)
		cache := ticketOf(t, config, clientConfig(v))
		resumed := false
		again := clientConfig(v)
		again.ClientSessionCache = cache
		again.VerifyConnection = func(s tls.ConnectionState) error {
			resumed = s.DidResume
			return nil
		}
		sc := scenario{config: config, client: visitor(again, bytes.Join(greeting, nil)), says: greeting}
		for _, sc := range sc.ways() {
			resumed = false
			if o := sc.stepped(t, script{}); o.client != nil || !resumed {
				t.Errorf("%s, %s: second visit: error %v, resumed %v", tls.VersionName(v), sc.way, o.client, resumed)
			}
		}
	}
}

func TestBytesSplitAtEveryOffset(t *testing.T) {
	t.Parallel()
	all := visits(t)
	all["TLS 1.3 with X25519MLKEM768"] = postQuantum()
	for name, sc := range all {
		t.Run(name, func(t *testing.T) {
			want := sc.blocking(t)
			if want.client != nil || !errors.Is(want.read, io.EOF) {
				t.Fatalf("comparison: client %v, read error %v", want.client, want.read)
			}
			step := 1
			if want.taken > 600 {
				step = 7 // most of a long stream is one opaque key share or signature
			}
			for k := 0; k <= want.taken; k += step {
				for _, sc := range sc.ways() {
					got := sc.stepped(t, script{reads: splitAt(k)})
					if err := errors.Join(got.sameAs(want), got.client, got.write); err != nil {
						t.Fatalf("%s, split at byte %d of %d: %v", sc.way, k, want.taken, err)
					}
				}
			}
		})
	}
}

func TestBytesOneByOne(t *testing.T) {
	t.Parallel()
	all := visits(t)
	all["TLS 1.3 with X25519MLKEM768"] = postQuantum()
	scripts := map[string]func() script{
		"would block before each byte":    func() script { return script{reads: stutter(), writes: stutter()} },
		"one byte a call":                 func() script { return script{reads: cycle(1), writes: cycle(1)} },
		"writes of 0 to 4 bytes":          func() script { return script{writes: cycle(0, 1, 2, 3, 4)} },
		"silent short writes":             func() script { return script{writes: cycle(0, 3, 0, 0, 7), silent: true} },
		"uneven pieces":                   func() script { return script{reads: cycle(3, 0, 1, 64, 0, 5), writes: cycle(100, 0, 1)} },
		"writes stuck, then all at once":  func() script { return script{writes: splitAt(0)} },
		"writes stuck inside each record": func() script { return script{writes: cycle(9, 0)} },
	}
	for name, sc := range all {
		t.Run(name, func(t *testing.T) {
			want := sc.blocking(t)
			for how, s := range scripts {
				for _, sc := range sc.ways() {
					got := sc.stepped(t, s())
					if err := errors.Join(got.sameAs(want), got.client, got.write); err != nil {
						t.Errorf("%s, %s: %v", sc.way, how, err)
					}
				}
			}
		})
	}
}

func TestPeerClosesAtEveryByte(t *testing.T) {
	t.Parallel()
	reset := errors.New("connection reset by peer")
	for name, sc := range visits(t) {
		t.Run(name, func(t *testing.T) {
			whole := sc.blocking(t).taken
			seen := map[string]int{}
			for k := 1; k <= whole; k++ {
				sc.cut, sc.cutErr = k, io.EOF
				if k%5 == 0 {
					sc.cutErr = reset
				}
				want := sc.blocking(t)
				s := script{}
				for _, sc := range sc.ways() {
					if k%2 == 0 {
						s.reads = cycle(2, 0)
					}
					if err := sc.stepped(t, s).sameAs(want); err != nil {
						t.Fatalf("%s, closed at byte %d of %d: %v", sc.way, k, whole, err)
					}
				}
				seen[fmt.Sprint(want.handshake, want.read)]++
			}
			if len(seen) < 4 {
				t.Errorf("closing at every byte met only these ends: %v", seen)
			}
		})
	}
}
