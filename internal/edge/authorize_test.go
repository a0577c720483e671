package edge

import (
	"context"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/hassesd/hassesd/internal/auth"
	"github.com/hassesd/hassesd/internal/auth/authtest"
	"github.com/hassesd/hassesd/internal/edge/http1"
	"github.com/hassesd/hassesd/internal/edge/subscriber"
	"github.com/hassesd/hassesd/internal/hub"
)

// guardedBy has keys guard the streams of a setup.
func guardedBy(k *authtest.Keys) func(*setup) {
	return func(s *setup) { s.edge.Auth, s.edge.AllowAll = k.Policy, false }
}

func (c *client) wantStream() {
	c.w.t.Helper()
	c.want(`HTTP/1.1 200 OK\r\n(.+\r\n)*\r\n`)
	c.want(`[0-9a-f]+\r\nretry: \d+\nid: e-\d+\n\n\r\n`)
}

func TestT15WhatAGrantAllows(t *testing.T) {
	k := authtest.NewKeys(t)
	w := newTestServer(t, guardedBy(k))
	soon := w.kernel.Now().Add(time.Hour)
	bearer := func(token string) string { return "Authorization: Bearer " + token }
	for _, tt := range []struct {
		name, query, field, want string // want is the start of the answer, or "stream"
		id                       string // of the stream
	}{
		{"a token for the room", "subscribe=a", bearer(k.Mint(soon, "", "a", "b*")), "stream", ""},
		{"by prefix", "subscribe=bcd-a", bearer(k.Mint(soon, "", "a", "b*")), "stream", ""},
		{"its own id", "subscribe=a&id=me", bearer(k.Mint(soon, "", "a")), "stream", "me"},
		{"the granted id", "subscribe=a", bearer(k.Mint(soon, "ann", "a")), "stream", "ann"},
		{"the granted id, said again", "subscribe=a&id=ann", bearer(k.Mint(soon, "ann", "a")), "stream", "ann"},
		{"another id", "subscribe=a&id=bob", bearer(k.Mint(soon, "ann", "a")), `HTTP/1\.1 403 (.|\n|\r)*"code":"id_not_allowed"(.|\n|\r)*bob`, ""},
		{"a room that is not granted", "subscribe=a-x-y", bearer(k.Mint(soon, "", "a")), `HTTP/1\.1 403 (.|\n|\r)*insufficient_scope(.|\n|\r)*"code":"room_not_allowed"(.|\n|\r)*\\"x\\"`, ""},
		{"every room", "subscribe=*", bearer(k.Mint(soon, "", "*")), "stream", ""},
		{"every room with a token for some", "subscribe=*", bearer(k.Mint(soon, "", "a", "b*")), `HTTP/1\.1 403 (.|\n|\r)*\\"\*\\"`, ""},
		{"a token for nothing", "subscribe=a", bearer(k.Mint(soon, "")), `HTTP/1\.1 403 `, ""},
		{"nothing", "subscribe=a", "X: y", `HTTP/1\.1 401 (.+\r\n)*WWW-Authenticate: Bearer realm="hassesd"\r\n(.|\n|\r)*missing_token`, ""},
		{"a bad token", "subscribe=a", bearer("x.y.z"), `HTTP/1\.1 401 (.+\r\n)*WWW-Authenticate: Bearer realm="hassesd", error="invalid_token"\r\n(.|\n|\r)*invalid_token`, ""},
		{"an old token", "subscribe=a", bearer(k.Mint(w.kernel.Now(), "", "a")), `HTTP/1\.1 401 `, ""},
		{"two headers", "subscribe=a", bearer(k.Mint(soon, "", "a")) + "\r\n" + bearer("x"), `HTTP/1\.1 400 `, ""},
		{"a cookie", "subscribe=a", "Cookie: x=y; " + authtest.CookieName + "=" + k.Mint(soon, "", "a"), "stream", ""},
		{"cookies in two fields", "subscribe=a", "Cookie: x=y\r\nCookie: " + authtest.CookieName + "=" + k.Mint(soon, "", "a"), "stream", ""},
		{"the cookie in two fields", "subscribe=a", "Cookie: " + authtest.CookieName + "=" + k.Mint(soon, "", "a") + "\r\nCookie: " + authtest.CookieName + "=x", `HTTP/1\.1 401 `, ""},
		{"the query", "subscribe=a&token=" + k.Mint(soon, "", "a"), "X: y", "stream", ""},
		{"a signed URL", k.Sign(soon, "subscribe=a-b&id=ann"), "X: y", "stream", "ann"},
		{"a signed URL for every room", k.Sign(soon, "subscribe=*"), "X: y", "stream", ""},
		{"a signed URL with a room more", k.Sign(soon, "subscribe=a") + "&room=b", "X: y", `HTTP/1\.1 401 `, ""},
		{"a signed URL for another address", k.Sign(soon, "subscribe=a&ip=192.0.2.99"), "X: y", `HTTP/1\.1 401 `, ""},
		{"a signed URL for this address", k.Sign(soon, "subscribe=a&ip=192.0.2.0/24"), "X: y", "stream", ""},
		{"bad rooms before all", "subscribe=", "X: y", `HTTP/1\.1 400 `, ""},
	} {
		c := w.connect()
		c.get("/sse?"+tt.query, tt.field)
		if tt.want != "stream" {
			c.want(tt.want)
			continue
		}
		if got := c.received(); !strings.HasPrefix(got, "HTTP/1.1 200 ") {
			t.Errorf("%s: %q", tt.name, got)
			continue
		}
		if tt.id != "" && w.kick(Selection{ID: tt.id}, 0) != 1 {
			t.Errorf("%s: no stream has the id %s", tt.name, tt.id)
		}
		c.Close()
		w.turn()
	}
	st := w.stats()
	if st.Refused["unauthorized"] != 6 || st.Refused["forbidden"] != 4 {
		t.Errorf("refused: %v", st.Refused)
	}
}

// TestT16EveryRoomNeedsAGrantOfIt asks for * with every grant but that, and with
// limits.rooms_per_client in force.
func TestT16EveryRoomNeedsAGrantOfIt(t *testing.T) {
	k := authtest.NewKeys(t)
	w := newTestServer(t, func(s *setup) { guardedBy(k)(s); s.edge.AllowAll = true; s.edge.RoomsPerClient = 2 })
	soon := w.kernel.Now().Add(time.Hour)
	for _, tt := range []struct{ query, token, want string }{
		{"subscribe=*", k.Mint(soon, "", "a*", "b*"), `HTTP/1\.1 403 (.|\n|\r)*room_not_allowed`}, // allow_all_rooms is for where nobody is asked
		{"subscribe=a-*", k.Mint(soon, "", "a"), `HTTP/1\.1 403 `},
		{"room=a*", k.Mint(soon, "", "a*"), `HTTP/1\.1 400 `}, // patterns are for grants
		{"subscribe=a-b-c", k.Mint(soon, "", "*"), `HTTP/1\.1 400 (.|\n|\r)*too_many_rooms`},
		{"subscribe=*", k.Mint(soon, "", "*"), `HTTP/1\.1 200 `},
	} {
		c := w.connect()
		c.get("/sse?"+tt.query, "Authorization: Bearer "+tt.token)
		c.want(tt.want)
	}
}

func TestHeadNeedsATokenAndOptionsNone(t *testing.T) {
	w := newTestServer(t, guardedBy(authtest.NewKeys(t)))
	for method, want := range map[string]string{"HEAD": `HTTP/1\.1 401 `, "OPTIONS": `HTTP/1\.1 204 `} {
		c := w.connect()
		c.Send([]byte(method + " /sse?subscribe=a HTTP/1.1\r\nHost: h\r\nOrigin: https://a\r\nAccess-Control-Request-Method: GET\r\n\r\n"))
		w.turn()
		c.want(want)
	}
}

func TestT15TheStreamEndsWithItsToken(t *testing.T) {
	k := authtest.NewKeys(t)
	for name, heartbeat := range map[string]time.Duration{"silent": 0, "with heartbeats": 15 * time.Second} {
		w := newTestServer(t, func(s *setup) { guardedBy(k)(s); s.edge.HeartbeatInterval = heartbeat })
		token := "Authorization: Bearer " + k.Mint(w.kernel.Now().Add(time.Minute), "", "a")
		c := w.connect()
		c.get("/sse?subscribe=a", token)
		c.wantStream()
		w.advance(50 * time.Second)
		w.publish("a", "still good")
		if got := c.events(); len(got) != 1 {
			t.Fatalf("%s: before the end: %v", name, got)
		}
		w.advance(11 * time.Second)
		got := c.received()
		if !strings.HasSuffix(got, "\nevent: hasses.reauth\ndata: {\"reason\":\"expired\"}\n\n\r\n0\r\n\r\n") {
			t.Errorf("%s: the stream ended with %q", name, got)
		}
		c.got.Reset()
		c.wantEnd()
		if st := w.stats(); st.Closed["token_ended"] != 1 {
			t.Errorf("%s: closed: %v", name, st.Closed)
		}
		again := w.connect()
		again.get("/sse?subscribe=a", token)
		again.want(`HTTP/1\.1 401 `)
		w.check()
	}
}

func TestASignedURLOpensUntilExpAndLastsUntilUntil(t *testing.T) {
	k := authtest.NewKeys(t)
	w := newTestServer(t, guardedBy(k))
	now := w.kernel.Now()
	forEver := k.Sign(now.Add(time.Minute), "subscribe=a")
	ending := k.Sign(now.Add(time.Minute), "subscribe=a&until="+strconv.FormatInt(now.Add(2*time.Minute).Unix(), 10))
	a, b := w.subscribe(forEver), w.subscribe(ending)
	w.advance(61 * time.Second)
	late := w.connect()
	late.get("/sse?" + forEver)
	late.want(`HTTP/1\.1 401 `)
	a.wantNothing()
	b.wantNothing()
	w.advance(60 * time.Second)
	a.wantNothing()
	if got := b.received(); !strings.Contains(got, "event: hasses.reauth\n") {
		t.Errorf("at until: %q", got)
	}
	w.advance(10 * time.Minute)
	w.publish("a", "still here")
	a.wantEvent(1, "still here")
}

func TestASecondRequestIsAuthorizedAnew(t *testing.T) {
	k := authtest.NewKeys(t)
	w := newTestServer(t, func(s *setup) { guardedBy(k)(s); s.reinit = true })
	now := w.kernel.Now()
	c := w.connect()
	c.get("/sse?subscribe=a", "Authorization: Bearer "+k.Mint(now.Add(time.Minute), "", "a"))
	c.wantStream()
	// Another token, which lasts longer: the first one's end is forgotten.
	c.get("/sse?subscribe=b", "Authorization: Bearer "+k.Mint(now.Add(time.Hour), "", "b"))
	c.want(`0\r\n\r\n`)
	c.wantStream()
	w.advance(2 * time.Minute)
	w.publish("b", "yes")
	c.wantEvent(1, "yes")
	// And a shorter one.
	c.get("/sse?subscribe=b", "Authorization: Bearer "+k.Mint(w.kernel.Now().Add(time.Minute), "", "b"))
	c.want(`0\r\n\r\n`)
	c.wantStream()
	w.advance(61 * time.Second)
	c.want(`[0-9a-f]+\r\nretry: \d+\nevent: hasses.reauth\n`)

	c = w.connect()
	c.get("/sse?subscribe=a", "Authorization: Bearer "+k.Mint(w.kernel.Now().Add(time.Minute), "", "a"))
	c.wantStream()
	c.get("/sse?subscribe=b")
	c.want(`0\r\n\r\nHTTP/1\.1 401 `)
	c.got.Reset()
	c.wantEnd()
}

// TestReconfiguredKeysLeaveStreamsAlone takes the key away under an open stream.
func TestReconfiguredKeysLeaveStreamsAlone(t *testing.T) {
	k := authtest.NewKeys(t)
	w := newTestServer(t, guardedBy(k))
	query := k.Sign(w.kernel.Now().Add(time.Hour), "subscribe=a")
	c := w.subscribe(query)
	key, err := auth.NewURLKey("", []byte(strings.ToUpper(authtest.URLSecret)))
	if err != nil {
		t.Fatal(err)
	}
	other, err := auth.NewPolicy(auth.Options{URLKeys: []auth.URLKey{key}})
	if err != nil {
		t.Fatal(err)
	}
	cfg := w.srv.config().Config
	cfg.Auth = other
	w.srv.Reconfigure(w.kernel.Now(), cfg)
	w.turn()
	w.publish("a", "still here")
	c.wantEvent(1, "still here")
	again := w.connect()
	again.get("/sse?" + query)
	again.want(`HTTP/1\.1 401 `)
}

// TestT15NothingSecretIsLogged looks at everything that is logged of requests that are granted,
// denied and broken.
func TestT15NothingSecretIsLogged(t *testing.T) {
	k := authtest.NewKeys(t)
	var log strings.Builder
	w := newTestServer(t, func(s *setup) { guardedBy(k)(s); s.reinit = true })
	w.srv.log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	soon := w.kernel.Now().Add(time.Hour)
	token, signed := k.Mint(soon, "", "a"), k.Sign(soon, "subscribe=a")
	values, err := url.ParseQuery(signed)
	if err != nil {
		t.Fatal(err)
	}
	for _, head := range []string{
		"GET /sse?subscribe=a&token=" + token + " HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET /sse?subscribe=x&token=" + token + " HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET /sse?subscribe=a&token=" + token + "x HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET /sse?subscribe=a&token=" + token + "%zz HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET /sse?" + signed + " HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET /sse?" + signed + "&x=y HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET /sse?subscribe=a HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " + token + "\r\n\r\n",
		"GET /sse?subscribe=a HTTP/1.1\r\nHost: h\r\nCookie: " + authtest.CookieName + "=" + token + "x\r\n\r\n",
		"GET /sse?subscribe=a HTTP/1.1\r\nHost: h\r\nAuthorization: " + token + "\x01\r\n\r\n",
		"GET /" + token + " HTTP/1.1\r\nHost: h\r\n\r\n",
		token + "\r\n\r\n",
		"GET /sse?subscribe=a&token=x." + token + " HTTP/1.1\r\nHost: h\r\n\r\n",
	} {
		c := w.connect()
		c.Send([]byte(head))
		w.turn()
		c.Reset()
		w.turn()
	}
	req, bad := http1.ParseRequest([]byte("GET /sse?" + signed + " HTTP/1.1\r\nHost: h\r\nCookie: " + token + "\r\nAuthorization: " + token + "\r\n\r\n"))
	if bad != nil {
		t.Fatal(bad)
	}
	w.srv.log.Debug("a request as a whole", "request", req)
	text := log.String()
	for name, secret := range map[string]string{
		"token": token[len(token)-20:], "signature": values.Get("sig"), "key of tokens": authtest.TokenSecret, "key of URLs": authtest.URLSecret,
	} {
		if strings.Contains(text, secret) {
			t.Errorf("the log tells the %s:\n%s", name, text)
		}
	}
	for _, reason := range []string{"reason=bad_signature", "reason=malformed", "status=403"} {
		if !strings.Contains(text, reason) {
			t.Errorf("the log does not tell the operator %s:\n%s", reason, text)
		}
	}
}

// TestAConnectionStaysInItsSizeClass holds a connection, with its TLS connection and its subscriber
// in it, in the allocator's size class of 704 bytes: objects with pointers in them have a header of
// 8 bytes.
func TestAConnectionStaysInItsSizeClass(t *testing.T) {
	if size := unsafe.Sizeof(conn{}) + 8; size > 704 {
		t.Errorf("a connection takes %d bytes", size)
	}
}

// TestAnEndInTheFarFutureIsNone opens a stream with the last moment that a URL and a token can name.
func TestAnEndInTheFarFutureIsNone(t *testing.T) {
	k := authtest.NewKeys(t)
	w := newTestServer(t, guardedBy(k))
	w.advance(time.Second) // or the sum of what is over and what is left would have no room to overflow
	last := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	a := w.subscribe(k.Sign(last, "subscribe=a&until="+strconv.FormatInt(last.Unix(), 10)))
	b := w.connect()
	b.get("/sse?subscribe=a", "Authorization: Bearer "+k.Mint(last, "", "a"))
	b.wantStream()
	w.advance(time.Minute)
	w.publish("a", "still here")
	a.wantEvent(1, "still here")
	b.wantEvent(1, "still here")
}

// TestAStreamThatIsOverAtOnceEnds sets the end in the past, as a wall clock that jumps would
// between check and use.
func TestAStreamThatIsOverAtOnceEnds(t *testing.T) {
	k := authtest.NewKeys(t)
	w := newTestServer(t, guardedBy(k))
	c := w.subscribe(k.Sign(w.kernel.Now().Add(time.Hour), "subscribe=a"))
	w.do(func(ctx context.Context) error {
		return w.srv.workers[0].ask(ctx, func() {
			served := w.srv.workers[0].conns[0]
			past := subscriber.Grant{Subscription: hub.Subscription{Rooms: []string{"a"}}, Until: w.kernel.Now().Add(-time.Hour)}
			served.sub.Start(w.kernel.Now(), past, w.srv.config().Retry)
			served.scheduleStream()
		})
	})
	w.advance(time.Second)
	if got := c.received(); !strings.Contains(got, "hasses.reauth") {
		t.Errorf("got %q", got)
	}
}
