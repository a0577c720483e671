package edge

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"

	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/auth/authtest"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/reactor/reactortest"
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
		h.out.WriteString(xhttp2.ClientPreface)
		h.must(h.write.WriteSettings())
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
	h.out.WriteString(xhttp2.ClientPreface)
	h.must(h.write.WriteSettings())
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

func TestAnHTTP2StreamResumes(t *testing.T) {
	w := h2TestServer(t, nil)
	h := w.connectH2()
	a := h.subscribe("subscribe=a")
	w.publish("a", "one")
	h.pump()
	h.want(a, "open", "one")
	h.must(h.write.WriteRSTStream(1, xhttp2.ErrCodeCancel))
	h.flush()
	w.publish("a", "two")
	b := h.get("/sse?subscribe=a", "last-event-id", "e-1")
	h.want(b, "open", "two")
	w.check()
	if st := w.stats(); st.Closed["closed_by_peer"] != 1 || st.Streams != 1 {
		t.Errorf("closed %v, %d streams", st.Closed, st.Streams)
	}
}

func TestAKickEndsOneHTTP2Stream(t *testing.T) {
	w := h2TestServer(t, nil)
	h := w.connectH2()
	a, b := h.subscribe("subscribe=a&id=x"), h.subscribe("subscribe=a&id=y")
	if n := w.kick(Selection{ID: "x"}, 0); n != 1 {
		t.Errorf("%d were kicked", n)
	}
	w.publish("a", "hello")
	h.pump()
	h.want(a, "ended")
	if !strings.HasPrefix(a.body.String(), "retry: ") {
		t.Errorf("the last frame is %q", a.body.String())
	}
	h.want(b, "open", "hello")
	if st := w.stats(); st.Closed["kicked"] != 1 || st.Streams != 1 || st.Connections != 1 {
		t.Errorf("closed %v, %d streams", st.Closed, st.Streams)
	}
}

func TestHTTP2StreamsEndByAgeAndToken(t *testing.T) {
	k := authtest.NewKeys(t)
	w := h2TestServer(t, func(s *setup) { guardedBy(k)(s); s.edge.StreamAge = time.Minute })
	h := w.connectH2()
	soon, late := w.kernel.Now().Add(30*time.Second), w.kernel.Now().Add(time.Hour)
	a := h.subscribe("subscribe=a", "authorization", "Bearer "+k.Mint(soon, "", "a"))
	b := h.subscribe("subscribe=a", "authorization", "Bearer "+k.Mint(late, "", "a"))
	w.advance(31 * time.Second)
	h.pump()
	h.want(b, "open")
	if !strings.Contains(a.body.String(), "hasses.reauth") || a.state() != "ended" {
		t.Errorf("%s with %q", a.state(), a.body.String())
	}
	w.advance(time.Minute)
	h.pump()
	h.want(b, "ended")
	if st := w.stats(); st.Closed["token_ended"] != 1 || st.Closed["stream_aged"] != 1 {
		t.Errorf("closed %v", st.Closed)
	}
}

func TestHeartbeatsOfHTTP2StreamsShareARecord(t *testing.T) {
	w := h2TestServer(t, func(s *setup) { s.edge.HeartbeatInterval = 20 * time.Second })
	h := w.connectH2()
	for range 10 {
		h.subscribe("subscribe=a")
		w.advance(200 * time.Millisecond)
	}
	h.records = nil
	for range 60 {
		w.advance(time.Second)
		h.pump()
	}
	total := 0
	for _, n := range h.records {
		total += n
		if n != 10 {
			t.Errorf("heartbeats of %d streams came together, want 10", n)
		}
	}
	if total < 20 || total > 50 {
		t.Errorf("%d heartbeats in a minute", total)
	}
	w.check()
}

func TestAnHTTP2StreamWithoutAWindowIsSlowByItself(t *testing.T) {
	for policy, want := range map[hub.Policy]string{hub.Close: "CANCEL", hub.DropOldest: "open", hub.Latest: "open"} {
		t.Run(policy.String(), func(t *testing.T) {
			w := h2TestServer(t, func(s *setup) { s.hub.QueueBytes, s.hub.Slow = 2048, policy })
			h := w.connectH2()
			slow, good := h.subscribe("subscribe=a"), h.subscribe("subscribe=a")
			h.must(h.write.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 0}))
			h.must(h.write.WriteWindowUpdate(3, 1<<20))
			h.flush()
			h.mute = true
			for i := range 100 {
				w.publish("a", fmt.Sprintf("%0100d", i))
				h.pump()
				w.check()
			}
			if n := len(good.events()); n != 100 {
				t.Fatalf("its neighbour got %d of 100 events", n)
			}
			if got := slow.state(); len(slow.events()) > 0 && want == "CANCEL" || got != want {
				t.Fatalf("the slow one is %s with %d events", got, len(slow.events()))
			}
			if want == "CANCEL" {
				if st := w.stats(); st.Closed["slow_client"] != 1 || st.Streams != 1 {
					t.Errorf("closed %v", st.Closed)
				}
				return
			}
			h.must(h.write.WriteWindowUpdate(1, 1<<20))
			h.flush()
			events := slow.events()
			if len(events) == 0 || events[len(events)-1] != fmt.Sprintf("%0100d", 99) {
				t.Errorf("after its window opened it got %d events", len(events))
			}
			w.check()
		})
	}
}

// A stream that has overflowed gets nothing of what comes afterwards: its client would take the
// last id for a proof that it has everything before.
func TestAnHTTP2StreamThatOverflowedGetsNothingMore(t *testing.T) {
	w := h2TestServer(t, func(s *setup) { s.hub.QueueBytes = 2048 })
	h := w.connectH2()
	a := h.subscribe("subscribe=a")
	h.mute = true
	h.must(h.write.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 0}))
	h.flush()
	for i := range 30 {
		w.enqueue("a", fmt.Sprintf("%0100d", i))
	}
	w.enqueue("a", "short") // there is room for that
	reactortest.Turn(t, 1, w.loops...)
	h.must(h.write.WriteWindowUpdate(1, 1<<20)) // before the stream is reset
	h.flush()
	if got := a.state(); got != "CANCEL" || len(a.events()) > 0 {
		t.Errorf("the stream is %s with %d events", got, len(a.events()))
	}
	if st := w.stats(); st.Closed["slow_client"] != 1 {
		t.Errorf("closed %v", st.Closed)
	}
}

func TestAnEmptyWindowOfTheConnectionHoldsAllStreams(t *testing.T) {
	w := h2TestServer(t, nil)
	h := w.connectH2(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 1 << 20})
	a, b := h.subscribe("subscribe=a"), h.subscribe("subscribe=a")
	h.mute = true
	for range 6 {
		w.publish("a", strings.Repeat("x", 10_000))
		h.pump()
	}
	if got := a.body.Len() + b.body.Len(); got > 65_535 || got < 60_000 {
		t.Fatalf("%d bytes came, the window is 65,535", got)
	}
	w.check()
	h.must(h.write.WriteWindowUpdate(0, 1<<20))
	h.flush()
	if len(a.events()) != 6 || len(b.events()) != 6 {
		t.Errorf("%d and %d events", len(a.events()), len(b.events()))
	}
	w.check()
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

func TestEachHTTP2RequestIsJudgedByItself(t *testing.T) {
	w := h2TestServer(t, nil)
	h := w.connectH2()
	good := h.subscribe("subscribe=a")
	long := strings.Repeat("x", 9000)
	for _, tt := range []struct {
		method, path string
		fields       []string
		status, code string
	}{
		{"GET", "/elsewhere", nil, "404", "not_found"},
		{"PUT", "/sse", nil, "405", "method_not_allowed"},
		{"GET", "/sse", nil, "400", "missing_rooms"},
		{"GET", "/sse?subscribe=a", []string{"cookie", long}, "431", "head_too_large"},
		{"GET", "/sse?subscribe=a", []string{"origin", "a", "origin", "b"}, "400", "bad_request"},
		{"HEAD", "/sse?subscribe=a", nil, "200", ""},
		{"OPTIONS", "/sse", nil, "204", ""},
	} {
		_, a := h.ask(tt.method, tt.path, true, tt.fields...)
		h.flush()
		if a.status != tt.status || a.state() != "ended" || !strings.Contains(a.body.String(), tt.code) || (a.body.Len() > 0) != (tt.code != "") {
			t.Errorf("%s %s: %s, %s, %q; want %s %s", tt.method, tt.path, a.status, a.state(), a.body.String(), tt.status, tt.code)
		}
		for _, name := range []string{"connection", "transfer-encoding"} {
			if a.fields[name] != "" {
				t.Errorf("%s %s: the answer has %s", tt.method, tt.path, name)
			}
		}
	}
	w.publish("a", "hello")
	h.pump()
	h.want(good, "open", "hello")
	w.check()
}

func TestABodyNobodyWantsEndsItsStreamAlone(t *testing.T) {
	w := h2TestServer(t, func(s *setup) { s.edge.Admission = admission.Limits{Penalties: admission.PenaltiesOn} })
	h := w.connectH2()
	good := h.subscribe("subscribe=a")
	id, a := h.ask("POST", "/sse?subscribe=a", false)
	h.flush()
	if a.status != "405" || a.state() != "ended" || a.body.Len() == 0 {
		t.Fatalf("%s, %s, %q", a.status, a.state(), a.body.String())
	}
	for range 4 {
		h.must(h.write.WriteData(id, false, make([]byte, 16_000)))
		h.flush()
	}
	w.advance(2 * time.Second)
	h.pump()
	if a.state() != "NO_ERROR" {
		t.Errorf("the client may send on: %s", a.state())
	}
	w.publish("a", "hello")
	h.pump()
	h.want(good, "open", "hello")
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
	h.out.WriteString(xhttp2.ClientPreface)
	h.must(h.write.WriteSettings())
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

func TestLimitsOnStreams(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*setup)
		state  string
		reason string
	}{
		"all":            {func(s *setup) { s.edge.Streams = 3 }, "ended", "streams"},
		"one address":    {func(s *setup) { s.edge.Admission.Streams = 3 }, "ended", "streams_per_address"},
		"one connection": {func(s *setup) { s.edge.StreamsPerConnection = 3 }, "REFUSED_STREAM", "streams_per_connection"},
	} {
		t.Run(name, func(t *testing.T) {
			w := h2TestServer(t, tt.change)
			h := w.connectH2()
			for range 3 {
				h.subscribe("subscribe=a")
			}
			over := h.get("/sse?subscribe=a")
			if over.state() != tt.state || over.status == "200" && !strings.HasPrefix(over.body.String(), "retry: ") {
				t.Errorf("the fourth is %s, %q", over.state(), over.body.String())
			}
			if st := w.stats(); st.Refused[tt.reason] != 1 || st.Streams != 3 {
				t.Errorf("refused %v, %d streams", st.Refused, st.Streams)
			}
			h.must(h.write.WriteRSTStream(1, xhttp2.ErrCodeCancel))
			h.flush()
			h.subscribe("subscribe=a")
		})
	}
}

func TestLimitsOnStreamsCountEveryVersion(t *testing.T) {
	w := h2TestServer(t, func(s *setup) { s.edge.Admission.Streams = 2 })
	h := w.connectH2()
	h.subscribe("subscribe=a")
	one := w.subscribe("subscribe=a")
	if over := h.get("/sse?subscribe=a"); over.state() != "ended" {
		t.Errorf("the third is %s", over.state())
	}
	one.Close()
	w.turn()
	h.subscribe("subscribe=a")
}

func TestLimitsListStreams(t *testing.T) {
	w := h2TestServer(t, func(s *setup) { s.edge.Streams, s.edge.Admission.Streams, s.edge.StreamsPerConnection = 100, 50, 20 })
	first, second := w.connectH2(), w.connectH2()
	for range 4 {
		first.subscribe("subscribe=a")
	}
	second.subscribe("subscribe=a")
	w.subscribe("subscribe=a")
	want := func(streams, most int) {
		t.Helper()
		got := w.srv.Limits(w.kernel.Now(), 0)
		if got.Streams != streams || got.StreamLimit != 100 || got.MostStreams != most || got.MostStreamsLimit != 20 {
			t.Errorf("%d streams of %d, %d on one connection of %d; want %d of 100, %d of 20",
				got.Streams, got.StreamLimit, got.MostStreams, got.MostStreamsLimit, streams, most)
		}
		if a := got.Admission; a.MostOpen.Streams != streams || a.Limits.Streams != 50 {
			t.Errorf("the network with most has %+v of %d streams", a.MostOpen, a.Limits.Streams)
		}
		w.check()
	}
	want(6, 4)
	first.must(first.write.WriteRSTStream(1, xhttp2.ErrCodeCancel))
	first.flush()
	want(5, 3)
	first.Close()
	w.turn()
	want(2, 1)
}

func TestStreamsAreCountedByVersion(t *testing.T) {
	w := h2TestServer(t, nil)
	h := w.connectH2()
	h.subscribe("subscribe=a")
	h.subscribe("subscribe=a")
	idle := w.connectH2()
	w.subscribe("subscribe=a")
	w.connect() // has not asked for anything
	old := w.connect()
	old.Send([]byte("GET /sse?subscribe=a HTTP/1.0\r\n\r\n"))
	w.turn()
	want := func(v10, v11, v20 HTTPStats) {
		t.Helper()
		v10.Version, v11.Version, v20.Version = "1.0", "1.1", "2"
		all := []HTTPStats{v10, {Version: "1.0", TLS: true}, v11, {Version: "1.1", TLS: true}, v20, {Version: "2", TLS: true}}
		if got := w.stats().HTTP; !slices.Equal(got, all) {
			t.Errorf("got  %+v\nwant %+v", got, all)
		}
		w.check()
	}
	one := HTTPStats{Connections: 1, Streams: 1}
	want(one, one, HTTPStats{Connections: 2, Streams: 2})
	old.Close()
	idle.Close()
	h.must(h.write.WriteRSTStream(1, xhttp2.ErrCodeCancel))
	h.flush()
	want(HTTPStats{}, one, HTTPStats{Connections: 1, Streams: 1})
	h.Close()
	w.turn()
	want(HTTPStats{}, one, HTTPStats{})
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

func TestMemoryIsShedByHTTP2Streams(t *testing.T) {
	w := h2TestServer(t, nil)
	h := w.connectH2()
	slow, good := h.subscribe("subscribe=a"), h.subscribe("subscribe=b")
	h.must(h.write.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 0}))
	h.flush()
	for range 10 {
		w.publish("a", strings.Repeat("x", 1000))
	}
	h.must(h.write.WriteWindowUpdate(3, 1000))
	h.flush()
	var n int
	w.do(func(ctx context.Context) (err error) {
		n, err = w.srv.Shed(ctx, 8)
		return err
	})
	w.publish("b", "hello")
	h.pump()
	if n != 1 || slow.state() != "CANCEL" {
		t.Errorf("%d were ended, the slow one is %s", n, slow.state())
	}
	h.want(good, "open", "hello")
	if st := w.stats(); st.Closed["memory_shed"] != 1 {
		t.Errorf("closed %v", st.Closed)
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

func TestClientsListsHTTP2Streams(t *testing.T) {
	w := h2TestServer(t, nil)
	h := w.connectH2()
	for i := range 5 {
		h.subscribe(fmt.Sprintf("subscribe=a&id=x%d", i), "user-agent", "tester")
	}
	w.subscribe("subscribe=b")
	var rows []ClientInfo
	page := ClientPage{Limit: 2}
	for {
		var list ClientList
		w.do(func(ctx context.Context) (err error) {
			list, err = w.srv.Clients(ctx, page)
			return err
		})
		rows = append(rows, list.Clients...)
		if page.After = list.Next; page.After == nil {
			break
		}
	}
	if len(rows) != 6 {
		t.Fatalf("%d rows, want 6", len(rows))
	}
	for i, r := range rows[:5] {
		if r.HTTP != "2" || r.ID != fmt.Sprintf("x%d", i) || r.Stream != uint32(2*i+1) || r.Conn != rows[0].Conn || r.Agent != "tester" || r.State != "streaming" {
			t.Errorf("row %d is %+v", i, r)
		}
	}
	if r := rows[5]; r.HTTP != "1.1" || r.Stream != 0 || r.Conn == rows[0].Conn {
		t.Errorf("the last row is %+v", r)
	}
}
