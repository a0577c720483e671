package edge

import (
	"strings"
	"testing"
	"time"
)

func TestSecondRequestEndsTheFirstResponseAndBeginsAnother(t *testing.T) {
	w := newTestServer(t, func(s *setup) { s.reinit = true })
	c := w.subscribe("subscribe=a&id=x")
	w.publish("a", "first")
	c.wantEvent(1, "first")
	c.get("/sse?subscribe=b&id=y")
	c.want(`0\r\n\r\nHTTP/1\.1 200 OK\r\n(.+\r\n)*\r\n[0-9a-f]+\r\nretry: \d+\nid: e-1\n\n\r\n`)
	w.publish("a", "not any more")
	w.publish("b", "second")
	c.wantEvent(3, "second")
	st := w.stats()
	if st.Reinits != 1 || st.Streams != 1 {
		t.Errorf("stats: %+v", st)
	}
	if n := w.kick(Selection{ID: "x"}, 0); n != 0 {
		t.Error("the old id still names the stream")
	}
	w.check()
}

func TestSecondRequestInPieces(t *testing.T) {
	w := newTestServer(t, func(s *setup) { s.reinit = true })
	c := w.subscribe("subscribe=a")
	head := "GET /sse?subscribe=b HTTP/1.1\r\nHost: h\r\n\r\n"
	for i := range len(head) {
		c.wantNothing()
		c.Send([]byte(head[i : i+1]))
		w.turn()
	}
	c.want(`0\r\n\r\nHTTP/1\.1 200 OK\r\n`)
}

func TestSecondRequestWaitsForABlockedSocket(t *testing.T) {
	w := newTestServer(t, func(s *setup) { s.reinit = true })
	c := w.subscribe("subscribe=a")
	c.SetWindow(0)
	w.publish("a", "first")
	c.get("/sse?subscribe=b")
	c.wantNothing()
	c.SetWindow(1 << 20)
	w.turn()
	c.wantEvent(1, "first")
	c.want(`0\r\n\r\nHTTP/1\.1 200 OK\r\n`)
	w.check()
}

func TestBadSecondRequestIsAnsweredAndClosed(t *testing.T) {
	w := newTestServer(t, func(s *setup) { s.reinit = true })
	c := w.subscribe("subscribe=a")
	c.get("/nowhere")
	c.want(`0\r\n\r\nHTTP/1\.1 404 Not Found\r\n(.+\r\n)*\r\n\{.*\}\n`)
	c.wantEnd()
	w.check()
}

func TestSecondRequestIsNoiseWithoutReinit(t *testing.T) {
	w := newTestServer(t, nil)
	c := w.subscribe("subscribe=a")
	c.get("/sse?subscribe=b")
	c.wantNothing()
	w.publish("a", "still here")
	c.wantEvent(1, "still here")
}

func TestTalkativeSubscriberIsCut(t *testing.T) {
	for _, reinit := range []bool{false, true} {
		w := newTestServer(t, func(s *setup) { s.reinit = reinit })
		c := w.subscribe("subscribe=a")
		for range 40 {
			c.Send([]byte(strings.Repeat("x", 512) + "\r\n"))
			w.turn()
		}
		st := w.stats()
		if st.Connections != 0 && !c.Ended() {
			t.Errorf("reinit %v: a subscriber that talks and talks is still served: %+v", reinit, st)
		}
		if !reinit && st.Closed["excess_input"] != 1 {
			t.Errorf("closed: %v", st.Closed)
		}
		w.check()
	}
}

func TestSecondRequestDoesNotGetInTheWayOfADelivery(t *testing.T) {
	for _, target := range []string{"/nowhere", "/sse?subscribe=other"} {
		w := newTestServer(t, func(s *setup) { s.reinit = true })
		c := w.subscribe("subscribe=a")
		c.SetWindow(0)
		for range 7 {
			w.publish("a", strings.Repeat("x", 15<<10))
		}
		c.get(target)
		w.enqueue("a", strings.Repeat("\n", 60<<10)) // does not fit any more
		c.SetWindow(10 << 20)
		w.turn()
		if got := c.received(); strings.Count(got, "HTTP/1.1 ") != 1 {
			t.Errorf("%s: %d answers", target, strings.Count(got, "HTTP/1.1 "))
		}
		w.check()
	}
}

func TestSecondRequestDoesNotGetAroundABan(t *testing.T) {
	w := newTestServer(t, func(s *setup) { s.reinit = true })
	c := w.subscribe("subscribe=a")
	w.kick(Selection{Room: "secret"}, time.Minute)
	c.get("/sse?subscribe=secret")
	c.want(`0\r\n\r\nHTTP/1\.1 200 OK\r\n(.+\r\n)*\r\n[0-9a-f]+\r\nretry: \d+\n\n\r\n0\r\n\r\n`)
	c.wantEnd()
}

func TestRequestsMayBePipelined(t *testing.T) {
	w := newTestServer(t, func(s *setup) { s.reinit = true })
	c := w.connect()
	var all strings.Builder
	for _, room := range []string{"a", "b", "c"} {
		all.WriteString("GET /sse?subscribe=" + room + " HTTP/1.1\r\nHost: h\r\n\r\n")
	}
	c.Send([]byte(all.String()))
	w.turn()
	w.publish("a", "no")
	w.publish("b", "no")
	w.publish("c", "yes")
	got := c.received()
	if strings.Count(got, "HTTP/1.1 200") != 3 || !strings.HasSuffix(got, "data: yes\n\n\r\n") || strings.Contains(got, "data: no") {
		t.Errorf("got %q", got)
	}
	w.check()
}

func TestAnUnchunkedStreamHasNoSecondResponse(t *testing.T) {
	w := newTestServer(t, func(s *setup) { s.reinit = true })
	for _, second := range []string{"GET /sse?subscribe=b HTTP/1.0\r\n\r\n", strings.Repeat("x", 9000)} {
		c := w.connect()
		c.Send([]byte("GET /sse?subscribe=a HTTP/1.0\r\n\r\n"))
		w.turn()
		c.Send([]byte(second))
		w.turn()
		if got := c.received(); strings.Count(got, "HTTP/") != 1 || !c.Ended() {
			t.Errorf("got %q", got)
		}
	}
}

// A client keeps a connection unless it is told otherwise, and its next request must not meet the
// end of the connection.
func TestOnlyStreamsThatMayAskAgainKeepTheConnection(t *testing.T) {
	for _, reinit := range []bool{false, true} {
		w := newTestServer(t, func(s *setup) { s.reinit, s.edge.Connections = reinit, 1 })
		head := func(c *client) string { return c.want(`HTTP/1\.1 200 OK\r\n(?:.+\r\n)*\r\n`)[0] }
		stream := w.connect()
		stream.get("/sse?subscribe=a")
		if closes := strings.Contains(head(stream), "\r\nConnection: close\r\n"); closes == reinit {
			t.Errorf("reinit %v: a stream says close: %v", reinit, closes)
		}
		turnedAway := w.connect()
		turnedAway.get("/sse?subscribe=a")
		if got := head(turnedAway); !strings.Contains(got, "\r\nConnection: close\r\n") {
			t.Errorf("reinit %v: who is told to come back later gets %q", reinit, got)
		}
		turnedAway.want(`[0-9a-f]+\r\nretry: \d+\n\n\r\n0\r\n\r\n`)
		turnedAway.wantEnd()
	}
}

// What was thrown away while reinit was off may have been the first half of a request: what follows
// it must never be read as one, or a header's value would be.
func TestNothingIsReadAsARequestBehindWhatWasThrownAway(t *testing.T) {
	const smuggled = "GET /sse?subscribe=smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
	tests := []struct {
		name               string
		before, off, again string // sent with reinit on, off, and on again
	}{
		{"a whole request", "", "GET /sse?subscribe=b HTTP/1.1\r\nHost: h\r\n\r\n", smuggled},
		{"the middle of a header", "", "GET /sse?subscribe=b HTTP/1.1\r\nHost: h\r\nX-Note: ", smuggled},
		{"in the middle of a head", "GET /sse?subscribe=b HTTP/1.1\r\nX-Note: ", "x", "\r\nHost: h\r\n\r\n" + smuggled},
		{"one byte", "", "\r", "\n" + smuggled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newTestServer(t, func(s *setup) { s.reinit = true })
			c := w.subscribe("subscribe=a")
			for i, sent := range []string{tt.before, tt.off, tt.again} {
				w.srv.SetReinit(i != 1)
				c.Send([]byte(sent))
				w.turn()
			}
			c.wantNothing()
			w.publish("smuggled", "not for it")
			w.publish("a", "for it")
			c.wantEvent(2, "for it")
			if held := w.srv.workers[0].conns[0].http.Begun(); held != nil {
				t.Errorf("%d bytes of a request are held that will never be read", len(held))
			}
			w.check()
		})
	}
}

// A request that came while reinit was on is served, whatever is sent behind it.
func TestARequestThatWaitsOutlivesTheSwitch(t *testing.T) {
	w := newTestServer(t, func(s *setup) { s.reinit = true })
	c := w.subscribe("subscribe=a")
	c.SetWindow(0)
	w.publish("a", "first")
	c.get("/sse?subscribe=b")
	w.srv.SetReinit(false)
	c.Send([]byte("GET /sse?subscribe=c HTTP/1.1\r\nX-Note: "))
	w.turn()
	w.srv.SetReinit(true)
	c.SetWindow(1 << 20)
	w.turn()
	c.wantEvent(1, "first")
	c.want(`0\r\n\r\nHTTP/1\.1 200 OK\r\n(.+\r\n)*\r\n[0-9a-f]+\r\nretry: \d+\nid: e-1\n\n\r\n`)
	c.get("/sse?subscribe=d")
	c.wantNothing()
	w.publish("b", "second")
	c.wantEvent(2, "second")
	w.check()
}
