package edge

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hassesd/hassesd/internal/edge/site"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func (w *testServer) kick(sel Selection, refuse time.Duration) (n int) {
	w.t.Helper()
	w.do(func(ctx context.Context) (err error) {
		n, err = w.srv.Kick(ctx, sel, refuse)
		return err
	})
	w.turn()
	return n
}

func TestConnectionsOverTheLimitAreToldToComeLater(t *testing.T) {
	w := newTestServer(t, func(s *setup) { s.edge.Connections = 2 })
	a, b := w.subscribe("subscribe=a"), w.subscribe("subscribe=a")
	c := w.connect()
	c.get("/sse?subscribe=a")
	c.want(`HTTP/1\.1 200 OK\r\n(.+\r\n)*\r\n[0-9a-f]+\r\nretry: \d+\n\n\r\n0\r\n\r\n`)
	c.wantEnd()
	a.Close()
	w.turn()
	d := w.subscribe("subscribe=a")
	w.publish("a", "hello")
	b.wantEvent(1, "hello")
	d.wantEvent(1, "hello")
	if st := w.stats(); st.Refused["connections"] != 1 || st.Closed["refused_kindly"] != 1 || st.Limit != 2 || st.Peak != 2 {
		t.Errorf("stats: %+v", st)
	}
	w.check()
}

func TestAFloodOverTheLimitIsReset(t *testing.T) {
	w := newTestServer(t, func(s *setup) { s.edge.Connections, s.fds = 1, 256 })
	w.subscribe("subscribe=a")
	reset := 0
	var held []*client
	for range 100 {
		c := w.connect()
		w.turn()
		if closed, byReset := c.Closed(); closed && byReset {
			reset++
		} else {
			held = append(held, c)
		}
	}
	if want := w.srv.deferLimit(); len(held) != want {
		t.Errorf("%d connections wait to be told to come later, want %d", len(held), want)
	}
	if reset == 0 {
		t.Error("nobody was reset")
	}
	if st := w.stats(); st.Refused["connections"] != 100 {
		t.Errorf("refused %v, want 100 connections", st.Refused)
	}
	for _, c := range held {
		c.Close()
	}
	w.turn()
	if got := w.srv.deferred.Load(); got != 0 {
		t.Errorf("%d places for refusals are still taken", got)
	}
}

func TestConnectionsPerAddress(t *testing.T) {
	w := newTestServer(t, func(s *setup) { s.edge.Admission.Connections = 1 })
	open := func(addr string) string {
		c := w.connectFrom(addr)
		c.get("/sse?subscribe=a")
		return c.received()
	}
	for _, tc := range []struct {
		addr    string
		refused bool
	}{
		{"192.0.2.1", false},
		{"192.0.2.1", true},
		{"192.0.2.2", false},
		{"2001:db8::1", false},
		{"2001:db8::2", true}, // the same /64
		{"2001:db8:0:1::1", false},
		{"::ffff:192.0.2.2", true}, // an IPv4 address in disguise
	} {
		if got := open(tc.addr); strings.HasSuffix(got, "0\r\n\r\n") != tc.refused {
			t.Errorf("%s: refused is not %v: %q", tc.addr, tc.refused, got)
		}
	}
	if st := w.stats(); st.Refused["connections_per_address"] != 3 {
		t.Errorf("refused: %v", st.Refused)
	}
	w.check()
}

func TestConnectionsSpreadEvenlyOverTheLoops(t *testing.T) {
	w := newTestServer(t, func(s *setup) { s.loops = 4 })
	for range 400 {
		w.connect()
		w.turn()
	}
	for i, l := range w.stats().Loops {
		if l.Connections < 90 || l.Connections > 110 {
			t.Errorf("loop %d has %d of 400 connections", i, l.Connections)
		}
	}
	w.check()
}

func TestKickEndsTheStreamsOfAnIDAndKeepsThemAway(t *testing.T) {
	w := newTestServer(t, nil)
	x, y := w.subscribe("subscribe=a&id=x"), w.subscribe("subscribe=a&id=y")
	if n := w.kick(Selection{ID: "x"}, time.Minute); n != 1 {
		t.Fatalf("kicked %d streams", n)
	}
	x.want(`[0-9a-f]+\r\nretry: \d+\n\n\r\n0\r\n\r\n`)
	x.wantEnd()
	y.wantNothing()
	again := w.connect()
	again.get("/sse?subscribe=a&id=x")
	again.want(`HTTP/1\.1 200 OK\r\n(.+\r\n)*\r\n[0-9a-f]+\r\nretry: \d+\n\n\r\n0\r\n\r\n`)
	again.wantEnd()
	w.advance(61 * time.Second)
	w.subscribe("subscribe=a&id=x")
	if n := w.kick(Selection{ID: "nobody"}, 0); n != 0 {
		t.Errorf("kicked %d streams of nobody", n)
	}
	if n := w.kick(Selection{Room: "a"}, 0); n != 2 {
		t.Errorf("kicked %d of the 2 streams of the room", n)
	}
	if st := w.stats(); st.Closed["kicked"] < 1 || st.Refused["kicked"] != 1 {
		t.Errorf("stats: %+v", st)
	}
	w.check()
}

func TestTheTableOfBansIsBounded(t *testing.T) {
	var b bans
	for i := range maxBans + 100 {
		b.add(0, Selection{ID: fmt.Sprint(i)}, time.Duration(i+1)*time.Second)
	}
	if n := len(b.until); n > maxBans {
		t.Errorf("%d bans", n)
	}
	if b.refuses(0, &site.Subscription{ID: "0"}) {
		t.Error("the ban that ends first was not the one to go")
	}
	if !b.refuses(0, &site.Subscription{ID: fmt.Sprint(maxBans + 99)}) {
		t.Error("the newest ban was lost")
	}
}

func TestDrainEndsStreamsSpreadOverTheWindow(t *testing.T) {
	w := newTestServer(t, func(s *setup) { s.loops = 2 })
	var clients []*client
	for range 100 {
		clients = append(clients, w.subscribe("subscribe=a"))
	}
	silent := w.connect() // has asked for nothing yet
	w.turn()
	var streams int
	w.do(func(ctx context.Context) (err error) {
		streams, _, err = w.srv.Drain(ctx, DrainPlan{Window: 10 * time.Second})
		return err
	})
	if streams != 100 {
		t.Fatalf("draining %d streams, want 100", streams)
	}
	ended := func() (n int) {
		for _, c := range clients {
			if c.Ended() {
				n++
			}
		}
		return n
	}
	for second := 1; second <= 10; second++ {
		w.publish("a", fmt.Sprint(second)) // those still here get it
		w.advance(time.Second)
		if n, want := ended(), second*10; n < want-8 || n > want+8 {
			t.Errorf("after %d s %d of 100 streams have ended", second, n)
		}
	}
	retries := map[string]bool{}
	for _, c := range clients {
		got := c.received()
		if !strings.HasSuffix(got, "\n\n\r\n0\r\n\r\n") {
			t.Fatalf("the stream ends with %q", got)
		}
		at := strings.LastIndex(got, "retry: ")
		if at < 0 {
			t.Fatalf("no retry: in %q", got)
		}
		retries[got[at:at+11]] = true
		c.got.Reset()
		c.Close()
	}
	if len(retries) < 20 {
		t.Errorf("only %d different retry: values for 100 streams", len(retries))
	}
	w.advance(time.Second)
	silent.wantGone()
	select {
	case <-w.srv.Drained():
	case <-time.After(10 * time.Second):
		t.Error("the drain does not end")
	}
	if got := w.listener.Waiting(); got != 0 {
		t.Errorf("%d connections wait at a listener that is gone", got)
	}
}

func TestDrainIsOverThoughAClientNeverReads(t *testing.T) {
	w := newTestServer(t, nil)
	c := w.subscribe("subscribe=a")
	c.SetWindow(0)
	w.publish("a", "unread")
	w.do(func(ctx context.Context) error {
		_, _, err := w.srv.Drain(ctx, DrainPlan{Window: 0})
		return err
	})
	w.advance(drainGrace + time.Second)
	c.wantGone()
	<-w.srv.Drained()
}

func TestDrainGoesOnThoughNobodyWaitsForItsAnswer(t *testing.T) {
	w := newTestServer(t, nil)
	c := w.subscribe("subscribe=a")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, _ = w.srv.Drain(ctx, DrainPlan{Window: 0})
	w.do(func(ctx context.Context) error {
		_, _, err := w.srv.Drain(ctx, DrainPlan{Window: time.Hour}) // too late to change anything
		return err
	})
	w.advance(time.Second)
	if got := c.received(); !strings.HasSuffix(got, "0\r\n\r\n") {
		t.Errorf("the stream ends with %q", got)
	}
	c.Close()
	w.turn()
	<-w.srv.Drained()
}

func TestAgeSetByAReloadCountsFromTheReload(t *testing.T) {
	w := newTestServer(t, nil)
	c := w.subscribe("subscribe=a")
	w.advance(time.Minute)
	config := w.srv.config().Config
	config.StreamAge = 30 * time.Second
	w.srv.Reconfigure(w.kernel.Now(), config)
	w.advance(20 * time.Second)
	c.wantNothing()
	w.advance(15 * time.Second)
	c.want(`[0-9a-f]+\r\nretry: \d+\n\n\r\n0\r\n\r\n`)
}
