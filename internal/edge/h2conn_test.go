package edge

import (
	"context"
	"crypto/tls"
	"fmt"
	"strings"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"
)

func TestManyStreamsShareAnHTTP2Connection(t *testing.T) {
	w := h2TestServer(t, nil)
	h := w.connectH2()
	answers := make([]*h2answer, 40)
	for i := range answers {
		answers[i] = h.subscribe(fmt.Sprintf("subscribe=all-only%d&id=x%d", i, i))
	}
	h.records = nil
	w.publish("all", "hello")
	h.pump()
	if len(h.records) != 1 || h.records[0] != 40 {
		t.Errorf("40 streams got DATA in batches of %d, want one", h.records)
	}
	w.publish("only7", "you")
	h.pump()
	for i, a := range answers {
		if i == 7 {
			h.want(a, "open", "hello", "you")
		} else {
			h.want(a, "open", "hello")
		}
	}
	w.check()
	if st := w.stats(); st.Streams != 40 || st.Connections != 1 || st.Deliveries != 41 {
		t.Errorf("%d streams, %d connections, %d deliveries", st.Streams, st.Connections, st.Deliveries)
	}
}

func TestHTTP2MayComeInAnyPieces(t *testing.T) {
	w := h2TestServer(t, nil)
	for _, size := range []int{1, 2, 3, 4, 5, 7, 24, 25} {
		h := newH2client(w.connect())
		h.begin()
		_, a := h.ask("GET", "/sse?subscribe=a", true)
		all := append([]byte(nil), h.out.Bytes()...)
		h.out.Reset()
		for len(all) > 0 {
			n := min(size, len(all))
			h.Send(append([]byte(nil), all[:n]...))
			all = all[n:]
			w.turn()
		}
		h.pump()
		h.want(a, "open")
		h.Close()
		w.turn()
	}
	w.check()
}

func TestHTTP2IsServedAfterALPN(t *testing.T) {
	server, config := testTLS(t)
	server.NextProtos = []string{"h2", "http/1.1"}
	config.NextProtos = []string{"h2"}
	w := h2TestServer(t, func(s *setup) { s.tls = server })
	c := w.connect()
	conn := tls.Client(c.Conn(), config)
	h := newH2client(c)
	h.begin()
	_, a := h.ask("GET", "/sse?subscribe=a", true)
	exchange := func(done func() bool) {
		t.Helper()
		w.tlsDo(func() error {
			if _, err := conn.Write(h.out.Bytes()); err != nil {
				return err
			}
			h.out.Reset()
			p := make([]byte, 16<<10)
			for !done() {
				n, err := conn.Read(p)
				if err != nil {
					return err
				}
				h.take(p[:n])
			}
			return nil
		})
	}
	exchange(func() bool { return strings.HasPrefix(a.body.String(), "retry: ") })
	w.enqueue("a", "hello")
	exchange(func() bool { return len(a.events()) == 1 })
	h.want(a, "open", "hello")
	if conn.ConnectionState().NegotiatedProtocol != "h2" {
		t.Error("ALPN did not choose h2")
	}
}

func TestHTTP2TurnedOff(t *testing.T) {
	w := h2TestServer(t, func(s *setup) { s.edge.HTTP2 = false })
	c := w.connect()
	c.Send([]byte(xhttp2.ClientPreface))
	w.turn()
	c.want(`HTTP/1\.1 505 `)
}

func TestADrainEndsHTTP2Streams(t *testing.T) {
	w := h2TestServer(t, nil)
	h := w.connectH2()
	answers := make([]*h2answer, 20)
	for i := range answers {
		answers[i] = h.subscribe("subscribe=a")
	}
	idle := w.connectH2()
	w.do(func(ctx context.Context) error {
		_, _, err := w.srv.Drain(ctx, DrainPlan{Window: 10 * time.Second})
		return err
	})
	h.pump()
	idle.pump()
	if h.goAway == nil || *h.goAway != xhttp2.ErrCodeNo || h.last != 39 {
		t.Fatalf("GOAWAY is %v after %d", h.goAway, h.last)
	}
	idle.wantGoAway(xhttp2.ErrCodeNo)
	idle.Close()
	ended := func() (n int) {
		h.pump()
		for _, a := range answers {
			if a.ended {
				n++
			}
		}
		return n
	}
	if a := h.get("/sse?subscribe=a"); a.state() != "REFUSED_STREAM" {
		t.Errorf("a stream after GOAWAY is %s", a.state())
	}
	w.advance(5 * time.Second)
	if n := ended(); n < 5 || n > 15 {
		t.Errorf("at half time %d of 20 have ended", n)
	}
	w.advance(6 * time.Second)
	if n := ended(); n != 20 || !h.Ended() {
		t.Errorf("at the end %d of 20 have ended, the connection %t", n, h.Ended())
	}
	if st := w.stats(); st.Closed["drained"] != 21 || st.Refused["draining"] != 1 {
		t.Errorf("closed %v, refused %v", st.Closed, st.Refused)
	}
}

func TestAMisdirectedHTTP2RequestLeavesTheConnection(t *testing.T) {
	server, config := testTLS(t)
	server.NextProtos, config.NextProtos = []string{"h2"}, []string{"h2"}
	w := h2TestServer(t, func(s *setup) {
		s.tls = server
		s.serves = func(_, host string) bool { return host == "localhost" }
	})
	c := w.connect()
	conn := tls.Client(c.Conn(), config)
	h := newH2client(c)
	h.begin()
	_, wrong := h.ask("GET", "/sse?subscribe=a", true, ":authority", "elsewhere.example")
	_, right := h.ask("GET", "/sse?subscribe=a", true)
	w.tlsDo(func() error {
		if _, err := conn.Write(h.out.Bytes()); err != nil {
			return err
		}
		h.out.Reset()
		p := make([]byte, 16<<10)
		for !wrong.ended || right.body.Len() == 0 {
			n, err := conn.Read(p)
			if err != nil {
				return err
			}
			h.take(p[:n])
		}
		return nil
	})
	if wrong.status != "421" || right.status != "200" {
		t.Errorf("status %s and %s, want 421 and 200", wrong.status, right.status)
	}
}

func TestConnectionsOverTheLimitAreDeferredInHTTP2(t *testing.T) {
	w := h2TestServer(t, func(s *setup) { s.edge.Connections = 1 })
	good := w.connectH2()
	good.subscribe("subscribe=a")
	h := w.connectH2()
	a := h.get("/sse?subscribe=a")
	if a.state() != "ended" || !strings.HasPrefix(a.body.String(), "retry: ") {
		t.Fatalf("%s, %q", a.state(), a.body.String())
	}
	h.wantGoAway(xhttp2.ErrCodeNo) // it holds a place that others may need to be told the same
	h.Close()
	w.turn()
	if st := w.stats(); st.Closed["refused_kindly"] != 1 || st.Refused["connections"] != 1 {
		t.Errorf("closed %v, refused %v", st.Closed, st.Refused)
	}
}

func TestAnIdleHTTP2ConnectionIsSentAway(t *testing.T) {
	w := h2TestServer(t, nil)
	h := w.connectH2()
	h.subscribe("subscribe=a")
	w.advance(time.Minute)
	h.pump()
	if h.goAway != nil {
		t.Fatal("sent away with a stream")
	}
	h.must(h.write.WriteRSTStream(1, xhttp2.ErrCodeCancel))
	h.flush()
	for range 5 { // a client that pings holds no place for that
		w.advance(idleTime / 6)
		h.must(h.write.WritePing(false, [8]byte{}))
		h.flush()
	}
	if h.goAway != nil {
		t.Fatal("sent away early")
	}
	w.advance(idleTime/6 + time.Second)
	h.pump()
	h.wantGoAway(xhttp2.ErrCodeNo)
	h.Close()
	w.turn()
	if st := w.stats(); st.Closed["closed_by_peer"] != 1 || st.Closed["idle"] != 0 {
		t.Errorf("closed %v: the end of its one stream was counted already", st.Closed)
	}
}

func TestAnHTTP2ConnectionThatAsksForNothing(t *testing.T) {
	w := h2TestServer(t, nil)
	h := w.connectH2()
	w.advance(9 * time.Second)
	h.pump()
	if h.goAway != nil {
		t.Fatal("sent away early")
	}
	w.advance(2 * time.Second)
	h.pump()
	h.wantGoAway(xhttp2.ErrCodeNo)
	h.Close()
	w.turn()
	if st := w.stats(); st.Closed["request_timeout"] != 1 {
		t.Errorf("closed %v", st.Closed)
	}
}

func TestMistakesInHTTP2EndTheConnection(t *testing.T) {
	w := h2TestServer(t, nil)
	h := w.connectH2()
	h.subscribe("subscribe=a")
	h.subscribe("subscribe=a")
	h.must(h.write.WriteData(99, false, nil))
	h.flush()
	h.wantGoAway(xhttp2.ErrCodeProtocol)
	h.Close()
	w.turn()
	h.wantGone()
	if st := w.stats(); st.Closed["http2_failed"] != 2 || st.Streams != 0 {
		t.Errorf("closed %v", st.Closed)
	}
}
