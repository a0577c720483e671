package edge

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/edge/proxy"
	"github.com/hassesd/hassesd/internal/httppublish"
)

const (
	ourProxy = "10.0.0.1"
	alice    = "203.0.113.1"
	bob      = "203.0.113.2"
)

// behind makes ourProxy a trusted proxy, as the settings do.
func behind(change func(*setup)) func(*setup) {
	return func(s *setup) {
		trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		s.edge.Proxies.Trusted.Networks = trusted
		s.edge.Admission.Exempt = trusted
		change(s)
	}
}

// wantsPROXY makes it send PROXY headers.
func wantsPROXY(s *setup) { s.edge.Proxies.Protocol = true }

// wantsField makes it send X-Forwarded-For.
func wantsField(s *setup) { s.edge.Proxies.Field = proxy.XForwardedFor }

func proxyLine(client string, port int) string {
	return fmt.Sprintf("PROXY TCP4 %s 10.0.0.1 %d 443\r\n", client, port)
}

// introduce connects from the proxy for a client.
func (w *testServer) introduce(client string) *client {
	c := w.connectFrom(ourProxy)
	c.Send([]byte(proxyLine(client, int(w.nextPort))))
	w.turn()
	return c
}

// peers returns the addresses in the list of clients.
func (w *testServer) peers() (all []string) {
	w.t.Helper()
	for _, c := range w.clients() {
		all = append(all, clientAddr(c.Peer).String())
	}
	slices.Sort(all)
	return all
}

func (w *testServer) wantPeers(want ...string) {
	w.t.Helper()
	if got := w.peers(); !slices.Equal(got, want) {
		w.t.Errorf("clients %q, want %q", got, want)
	}
}

// isDeferred reports whether a client was told to come back later.
func (c *client) isDeferred() bool {
	return strings.HasSuffix(c.received(), "0\r\n\r\n") && strings.HasPrefix(c.received(), "HTTP/1.1 200 OK\r\n")
}

func TestAPROXYHeaderNamesTheClient(t *testing.T) {
	var text bytes.Buffer
	w := newTestServer(t, behind(func(s *setup) {
		wantsPROXY(s)
		s.log = slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug})
	}))
	c := w.connectFrom(ourProxy)
	for _, b := range []byte("PROXY TCP4 203.0.113.1 10.0.0.1 4711 443\r\n") {
		c.Send([]byte{b})
		w.turn()
	}
	c.get("/sse?subscribe=a")
	c.want(`HTTP/1.1 200 OK\r\n`)
	direct := w.subscribe("subscribe=a") // others connect themselves
	w.wantPeers("192.0.2.1:40002", "203.0.113.1:4711")
	if !strings.Contains(text.String(), `msg="stream opened" conn=1 peer=203.0.113.1:4711`) {
		t.Errorf("log:\n%s", &text)
	}
	w.check()
	direct.Close()
}

func TestAPROXYHeaderBeforeTLS(t *testing.T) {
	server, config := testTLS(t)
	w := newTestServer(t, behind(func(s *setup) { wantsPROXY(s); s.tls = server }))
	for name, header := range map[string]string{
		"203.0.113.1:4711": proxyLine(alice, 4711),
		"203.0.113.2:258":  "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0f\xcb\x00\x71\x02\x0a\x00\x00\x01\x01\x02\x01\xbb\x04\x00\x00",
	} {
		c := w.connectFrom(ourProxy)
		conn := tls.Client(c.Conn(), config)
		w.tlsDo(func() error {
			if _, err := io.WriteString(c.Conn(), header); err != nil {
				return err
			}
			_, err := io.WriteString(conn, "GET /sse?subscribe=a HTTP/1.1\r\nHost: localhost\r\n\r\n")
			return err
		})
		w.waitFor("the stream", func() bool { return slices.Contains(w.peers(), name) })
	}
	w.check()
}

// TestNoHandshakeBeginsWithTheHeaderAlone proves that a client behind a proxy costs a handshake
// only when it has sent something, whether it sent it together with the header or later.
func TestNoHandshakeBeginsWithTheHeaderAlone(t *testing.T) {
	server, config := testTLS(t)
	r := &recorder{}
	_ = tls.Client(r, config).Handshake() // in vain: nobody answers
	hello := r.got.String()
	w := newTestServer(t, behind(func(s *setup) { wantsPROXY(s); s.tls = server }))
	c := w.introduce(alice)
	if n := w.limits().Handshakes; n != 0 {
		t.Fatalf("%d handshakes after the header", n)
	}
	c.Send([]byte(hello))
	w.waitFor("our answer", func() bool { return c.received() != "" })
	d := w.connectFrom(ourProxy)
	d.Send([]byte(proxyLine(bob, 1) + hello))
	w.waitFor("our answer", func() bool { return d.received() != "" })
}

func TestPeersThatSpeakForThemselves(t *testing.T) {
	w := newTestServer(t, behind(wantsPROXY))
	for _, header := range []string{
		"PROXY UNKNOWN\r\n",
		"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00",
		"\r\n\r\n\x00\r\nQUIT\n\x21\x00\x00\x00",
	} {
		c := w.connectFrom(ourProxy)
		c.Send([]byte(header))
		c.get("/sse?subscribe=a")
		c.want(`HTTP/1.1 200 OK\r\n`)
	}
	w.wantPeers("10.0.0.1:40001", "10.0.0.1:40002", "10.0.0.1:40003")
	w.check()
}

func TestHeadersThatEndTheConnection(t *testing.T) {
	for _, tt := range []struct {
		name   string
		sent   string
		ends   bool // the peer ends it then
		wait   bool // or it waits
		reason CloseReason
		logged string
	}{
		{"none", "GET /sse?subscribe=a HTTP/1.1\r\nHost: a\r\n\r\n", false, false, NoProxyHeader, "without a PROXY header"},
		{"TLS instead", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", false, false, NoProxyHeader, "without a PROXY header"},
		{"cut", "PROXY TCP4 203.0.113.1 10.0", true, false, BadProxyHeader, "cannot be read"},
		{"one byte", "P", true, false, BadProxyHeader, "cannot be read"},
		{"late", "PROXY TCP4 203.0.113.1 10.0", false, true, BadProxyHeader, "cannot be read"},
		{"too long", "PROXY TCP4 " + strings.Repeat("1", 200), false, false, BadProxyHeader, "cannot be read"},
		{"too long, version 2", "\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xff", false, false, BadProxyHeader, "cannot be read"},
		{"wrong", "PROXY TCP4 203.0.113.1 10.0.0.1 443\r\n", false, false, BadProxyHeader, "cannot be read"},
		{"a connect check", "", true, false, ClosedByPeer, ""},
		{"silence", "", false, true, RequestTimeout, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var text bytes.Buffer
			w := newTestServer(t, behind(func(s *setup) { wantsPROXY(s); s.log = slog.NewTextHandler(&text, nil) }))
			c := w.connectFrom(ourProxy)
			c.Send([]byte(tt.sent))
			if tt.ends {
				c.CloseWrite()
			}
			w.turn()
			if tt.wait {
				w.advance(11 * time.Second)
			}
			c.wantGone()
			if got := w.stats().Closed[tt.reason.String()]; got != 1 {
				t.Errorf("closed: %v, want %v", w.stats().Closed, tt.reason)
			}
			if got := text.String(); tt.logged != "" && !strings.Contains(got, tt.logged) || tt.logged == "" && strings.Contains(got, "PROXY") {
				t.Errorf("log: %s", got)
			}
			if got := w.violationsOf(); len(got) != 0 {
				t.Errorf("a proxy was blamed: %v", got)
			}
		})
	}
}

// TestTheClientOfAPROXYHeaderHasItsLimits proves that the limits hold for each client behind a
// proxy, and not for the proxy.
func TestTheClientOfAPROXYHeaderHasItsLimits(t *testing.T) {
	w := newTestServer(t, behind(func(s *setup) {
		wantsPROXY(s)
		s.edge.Admission.Connections = 2
		s.edge.Admission.Penalties = admission.PenaltiesOn
	}))
	open := func(name string) *client {
		c := w.introduce(name)
		c.get("/sse?subscribe=a")
		return c
	}
	first, second := open(alice), open(alice)
	for range 4 { // a few are told to come later
		c := open(alice)
		if !c.isDeferred() {
			t.Fatalf("a third connection of one client: %q", c.received())
		}
		c.wantDone()
	}
	others := make([]*client, 4)
	for i := range others {
		others[i] = w.introduce(alice)
		w.turn()
	}
	open(alice).wantGone() // the rest is refused
	if c := open(bob); c.isDeferred() || !strings.HasPrefix(c.received(), "HTTP/1.1 200 OK") {
		t.Errorf("another client of the proxy: %q", c.received())
	}
	w.check()
	for _, c := range append(others, first, second) {
		c.Close()
	}
	w.turn()
	if c := open(alice); c.isDeferred() {
		t.Error("its places were not given back")
	}
	if st := w.stats(); st.Closed["not_admitted"] == 0 || st.Refused["connections_per_address"] == 0 {
		t.Errorf("closed %v, refused %v", st.Closed, st.Refused)
	}
	for range 7 { // breaks the protocol
		c := w.introduce(bob)
		c.Send([]byte("GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n"))
		w.turn()
		c.Close()
	}
	open(bob).wantGone()
	w.connectFrom(ourProxy).Close()
	if got := w.limits().Admission.Penalized; len(got) != 1 || got[0].Network != admission.NetworkOf(netip.MustParseAddr(bob)) {
		t.Errorf("penalized: %v", got)
	}
}

// TestHandshakesOfClientsBehindAProxy holds the rate of handshakes for the client, not for the proxy.
func TestHandshakesOfClientsBehindAProxy(t *testing.T) {
	server, _ := testTLS(t)
	w := newTestServer(t, behind(func(s *setup) {
		wantsPROXY(s)
		s.tls = server
		s.edge.Admission.Rate, s.edge.Admission.Burst = 1, 3
	}))
	for i := range 5 {
		c := w.introduce(alice)
		if gone, _ := c.Closed(); gone != (i >= 3) {
			t.Errorf("connection %d: refused %v", i, gone)
		}
	}
	if gone, _ := w.introduce(bob).Closed(); gone {
		t.Error("another client was refused")
	}
	if st := w.stats(); st.Refused["handshake_rate"] != 2 {
		t.Errorf("refused: %v", st.Refused)
	}
}

func TestAFieldNamesTheClient(t *testing.T) {
	w := newTestServer(t, behind(wantsField))
	for _, tt := range []struct {
		from  string
		field string
		want  string
	}{
		{ourProxy, "X-Forwarded-For: 203.0.113.1", "203.0.113.1:0"},
		{ourProxy, "X-Forwarded-For: 198.51.100.9, 203.0.113.1:4711, 10.2.2.2", "203.0.113.1:4711"},
		{ourProxy, "X-Forwarded-For: 198.51.100.9\r\nX-Forwarded-For: 203.0.113.1", "203.0.113.1:0"},
		{ourProxy, "X-Forwarded-For: 203.0.113.1, unknown", "10.0.0.1"},
		{ourProxy, "Forwarded: for=203.0.113.1", "10.0.0.1"},
		{ourProxy, "Accept: */*", "10.0.0.1"},
		{alice, "X-Forwarded-For: 198.51.100.9", alice}, // forged
	} {
		c := w.connectFrom(tt.from)
		c.get("/sse?subscribe=a", tt.field)
		got := w.peers()
		if len(got) != 1 || !strings.HasPrefix(got[0], tt.want) {
			t.Errorf("%s from %s: client %q, want %s", tt.field, tt.from, got, tt.want)
		}
		c.Close()
		w.turn()
	}
	w.check()
}

func TestNoFieldOverTLS(t *testing.T) {
	server, config := testTLS(t)
	w := newTestServer(t, behind(func(s *setup) { wantsField(s); s.tls = server }))
	conn := tls.Client(w.connectFrom(ourProxy).Conn(), config)
	w.tlsDo(func() error {
		_, err := io.WriteString(conn, "GET /sse?subscribe=a HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 203.0.113.1\r\n\r\n")
		return err
	})
	w.waitFor("the stream", func() bool { return w.stats().Streams == 1 })
	w.wantPeers("10.0.0.1:40001")
}

// TestTheClientOfAFieldHasItsLimits defers what is over them: the connection is the proxy's, which
// may need it for others.
func TestTheClientOfAFieldHasItsLimits(t *testing.T) {
	w := newTestServer(t, behind(func(s *setup) {
		wantsField(s)
		s.edge.Admission.Connections, s.edge.Admission.Streams = 2, 3
	}))
	open := func(name string) *client {
		c := w.connectFrom(ourProxy)
		c.get("/sse?subscribe=a", "X-Forwarded-For: 198.51.100.77, "+name)
		return c
	}
	first := open(alice)
	open(alice)
	for range 20 {
		c := open(alice)
		if !c.isDeferred() {
			t.Fatalf("a third connection of one client: %q", c.received())
		}
		c.wantDone()
	}
	if c := open(bob); c.isDeferred() {
		t.Error("another client was deferred")
	}
	w.check()
	first.Close()
	w.turn()
	if c := open(alice); c.isDeferred() {
		t.Error("its place was not given back")
	}
}

// wantDone lets a deferred client go.
func (c *client) wantDone() {
	c.w.t.Helper()
	c.got.Reset()
	c.wantEnd()
}

// TestRequestsOfSeveralClientsOnAConnection replaces a subscription by another client's.
func TestRequestsOfSeveralClientsOnAConnection(t *testing.T) {
	w := newTestServer(t, behind(func(s *setup) {
		wantsField(s)
		s.reinit = true
		s.edge.Admission.Connections, s.edge.Admission.Streams = 1, 1
	}))
	c := w.connectFrom(ourProxy)
	for _, name := range []string{alice, bob, alice} {
		c.get("/sse?subscribe=a", "X-Forwarded-For: "+name)
		w.wantPeers(name + ":0")
	}
	c.get("/sse?subscribe=a") // and the proxy itself
	w.wantPeers("10.0.0.1:40001")
	w.check()
	if got := w.srv.admission.Held(); got != 1 {
		t.Errorf("%d connections are held", got)
	}
}

// TestRequestsOfSeveralClientsOnAKeptConnection: a POST is answered and leaves the connection to
// the next client.
func TestRequestsOfSeveralClientsOnAKeptConnection(t *testing.T) {
	w := postTestServer(t, func(s *setup, _ *httppublish.Config) {
		behind(wantsField)(s)
		s.edge.Admission.Connections = 1
	})
	c := w.connectFrom(ourProxy)
	for _, name := range []string{alice, bob, bob, alice} {
		c.Send([]byte("POST /sse?to=a HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: " + name + "\r\nContent-Length: 2\r\n\r\nhi"))
		w.turn()
		if got := c.received(); !strings.HasPrefix(got, "HTTP/1.1 401 ") {
			t.Fatalf("POST without a key: %q", got)
		}
		c.got.Reset()
		w.wantPeers(name + ":0")
	}
	c.get("/sse?subscribe=a", "X-Forwarded-For: "+bob)
	c.want(`HTTP/1.1 200 OK\r\n`)
	w.wantPeers(bob + ":0")
	if got := w.srv.admission.Held(); got != 1 {
		t.Errorf("%d connections are held", got)
	}
	w.check()
}

// TestAClientNamedOnAnOpenStream: the stream was opened for the proxy itself, and is given back for it.
func TestAClientNamedOnAnOpenStream(t *testing.T) {
	w := newTestServer(t, behind(func(s *setup) { wantsField(s); s.reinit = true }))
	c := w.connectFrom(ourProxy)
	c.get("/sse?subscribe=a")
	c.get("/sse?subscribe=a", "X-Forwarded-For: "+alice)
	w.wantPeers(alice + ":0")
	c.Close()
	w.turn()
	if got := w.srv.admission.Held(); got != 0 {
		t.Errorf("%d connections are held", got)
	}
}

func TestAFieldNamesTheClientOfEachHTTP2Stream(t *testing.T) {
	w := h2TestServer(t, behind(func(s *setup) {
		wantsField(s)
		s.edge.Admission.Streams = 2
		s.edge.Admission.Penalties = admission.PenaltiesOn
	}))
	h := w.connectFrom(ourProxy).speakH2()
	first := h.subscribe("subscribe=a", "x-forwarded-for", alice)
	h.subscribe("subscribe=a", "x-forwarded-for", "198.51.100.9", "x-forwarded-for", alice)
	h.subscribe("subscribe=a", "x-forwarded-for", bob)
	h.subscribe("subscribe=a")
	w.wantPeers("10.0.0.1:40001", "203.0.113.1:0", "203.0.113.1:0", "203.0.113.2:0")
	third := h.get("/sse?subscribe=a", "x-forwarded-for", alice)
	h.want(third, "ended")
	if st := w.stats(); st.Refused["streams_per_address"] != 1 || first.state() != "open" {
		t.Errorf("refused: %v", st.Refused)
	}
	for range 7 {
		w.srv.admission.RecordViolation(w.kernel.Now().Sub(w.srv.start), netip.MustParseAddr(bob), admission.ProtocolBroken)
	}
	h.want(h.get("/sse?subscribe=a", "x-forwarded-for", bob), "ended")
	if st := w.stats(); st.Refused["penalized"] != 1 {
		t.Errorf("refused: %v", st.Refused)
	}
	w.check()
}

func TestAFieldBehindAPROXYHeader(t *testing.T) {
	w := newTestServer(t, behind(func(s *setup) { wantsPROXY(s); wantsField(s) }))
	for _, tt := range []struct{ told, want string }{
		{"10.3.3.3", "198.51.100.9:0"}, // the balancer tells of another proxy
		{alice, alice},                 // of a client, whose field is forged
	} {
		c := w.introduce(tt.told)
		c.get("/sse?subscribe=a", "X-Forwarded-For: 198.51.100.9")
		if got := w.peers(); len(got) != 1 || !strings.HasPrefix(got[0], tt.want) {
			t.Errorf("told %s: client %q, want %s", tt.told, got, tt.want)
		}
		c.Close()
		w.turn()
	}
}

// TestTrustChangesWithTheConfiguration for the next connection and the next request.
func TestTrustChangesWithTheConfiguration(t *testing.T) {
	w := newTestServer(t, behind(wantsPROXY))
	c := w.introduce(alice)
	half := w.connectFrom(ourProxy)
	half.Send([]byte("PROXY TCP4 "))
	w.turn()
	next := w.srv.config().Config
	next.Proxies = Proxies{}
	next.Admission.Exempt = nil
	w.srv.Reconfigure(w.kernel.Now(), next)
	w.turn()
	half.Send([]byte("203.0.113.2 10.0.0.1 4711 443\r\n"))
	half.get("/sse?subscribe=a")
	half.want(`HTTP/1.1 200 OK\r\n`)
	c.get("/sse?subscribe=a", "X-Forwarded-For: 198.51.100.9")
	c.want(`HTTP/1.1 200 OK\r\n`)
	late := w.introduce(bob)
	late.want(`HTTP/1.1 400 Bad Request\r\n`)
	w.check()
}
