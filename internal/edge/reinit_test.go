package edge

import (
	"strings"
	"testing"
)

func TestSecondRequestEndsTheFirstResponseAndBeginsAnother(t *testing.T) {
	w := newWorld(t, func(s *setup) { s.reinit = true })
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
	w := newWorld(t, func(s *setup) { s.reinit = true })
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
	w := newWorld(t, func(s *setup) { s.reinit = true })
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
	w := newWorld(t, func(s *setup) { s.reinit = true })
	c := w.subscribe("subscribe=a")
	c.get("/nowhere")
	c.want(`0\r\n\r\nHTTP/1\.1 404 Not Found\r\n(.+\r\n)*\r\n\{.*\}\n`)
	c.wantEnd()
	w.check()
}

func TestSecondRequestIsNoiseWithoutReinit(t *testing.T) {
	w := newWorld(t, nil)
	c := w.subscribe("subscribe=a")
	c.get("/sse?subscribe=b")
	c.wantNothing()
	w.publish("a", "still here")
	c.wantEvent(1, "still here")
}

func TestTalkativeSubscriberIsCut(t *testing.T) {
	for _, reinit := range []bool{false, true} {
		w := newWorld(t, func(s *setup) { s.reinit = reinit })
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
