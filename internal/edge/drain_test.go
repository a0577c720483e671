package edge

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// drain begins or shortens a drain after which clients go elsewhere.
func (w *testServer) drain(window time.Duration) (streams int, left time.Duration) {
	w.t.Helper()
	return w.drainAs(DrainPlan{Window: window})
}

func (w *testServer) drainAs(plan DrainPlan) (streams int, left time.Duration) {
	w.t.Helper()
	w.do(func(ctx context.Context) (err error) {
		streams, left, err = w.srv.Drain(ctx, plan)
		return err
	})
	return streams, left
}

// told returns the last retry: of a stream that has ended.
func (c *client) told() time.Duration {
	c.w.t.Helper()
	got := c.received()
	if !strings.HasSuffix(got, "\n\n\r\n0\r\n\r\n") {
		c.w.t.Fatalf("the stream ends with %q", got)
	}
	value, _, _ := strings.Cut(got[strings.LastIndex(got, "retry: ")+len("retry: "):], "\n")
	ms, err := strconv.Atoi(value)
	if err != nil {
		c.w.t.Fatalf("the stream ends with retry: %q", value)
	}
	return time.Duration(ms) * time.Millisecond
}

// drainAndCollect drains clients over the window, a tick at a time, and returns after what time
// from the beginning of the drain each of them would be back.
func drainAndCollect(w *testServer, clients []*client, window time.Duration) (back []time.Duration) {
	const tick = 100 * time.Millisecond
	w.drainAs(DrainPlan{Window: window, ComesBack: true})
	waiting := slices.Clone(clients)
	for at := tick; at <= window+time.Second; at += tick {
		w.advance(tick)
		waiting = slices.DeleteFunc(waiting, func(c *client) bool {
			if c.Ended() {
				back = append(back, at+c.told())
				c.got.Reset()
				c.Close()
			}
			return c.Ended()
		})
	}
	return back
}

func TestClientsComeBackAfterTheWindowAndSpreadOverAnother(t *testing.T) {
	const window = 10 * time.Second
	w := newTestServer(t, func(s *setup) { s.edge.Retry = 2 * time.Second })
	var clients []*client
	for range 200 {
		clients = append(clients, w.subscribe("subscribe=a"))
	}
	back := drainAndCollect(w, clients, window)
	if len(back) != len(clients) {
		t.Fatalf("%d of %d streams have ended", len(back), len(clients))
	}
	perSecond := map[int]int{}
	for _, at := range back {
		if at < window+time.Second {
			t.Errorf("a client is back after %s, when the daemon may still be there", at)
		}
		perSecond[int((at-window)/time.Second)]++
	}
	for second, n := range perSecond {
		if n > 40 || second > 14 {
			t.Errorf("%d of %d clients are back in second %d after the window", n, len(clients), second)
		}
	}
	if len(perSecond) < 9 {
		t.Errorf("all clients are back within %d seconds", len(perSecond))
	}
}

func TestClientsGoElsewhereAtOnce(t *testing.T) {
	w := newTestServer(t, func(s *setup) { s.edge.Retry = 2 * time.Second })
	clients := []*client{w.subscribe("subscribe=a"), w.subscribe("subscribe=a")}
	w.drain(10 * time.Second)
	w.advance(11 * time.Second)
	for _, c := range clients {
		if got := c.told(); got < time.Second || got > 3*time.Second {
			t.Errorf("a client is told to come back after %s", got)
		}
	}
}

func TestALatecomerIsToldToComeBackAfterTheWindow(t *testing.T) {
	w := newTestServer(t, func(s *setup) { s.edge.Retry = 2 * time.Second })
	early := w.subscribe("subscribe=a") // keeps the drain going
	late := w.connect()
	w.turn()
	w.drainAs(DrainPlan{Window: 10 * time.Second, ComesBack: true})
	late.get("/sse?subscribe=a")
	w.turn()
	if got := late.told(); got < 11*time.Second || got > 13*time.Second {
		t.Errorf("told to come back after %s", got)
	}
	late.Close()
	// The last word counts for those who are still there.
	w.drainAs(DrainPlan{Window: time.Second})
	w.advance(2 * time.Second)
	if got := early.told(); got < time.Second || got > 3*time.Second {
		t.Errorf("told to go elsewhere after %s", got)
	}
	early.Close()
}

func TestAShorterDrainShortensTheFirst(t *testing.T) {
	w := newTestServer(t, func(s *setup) { s.loops = 2 })
	var clients []*client
	for range 100 {
		clients = append(clients, w.subscribe("subscribe=a"))
	}
	ended := func() (n int) {
		for _, c := range clients {
			if c.Ended() {
				n++
			}
		}
		return n
	}
	if streams, left := w.drain(100 * time.Second); streams != 100 || left != 100*time.Second {
		t.Fatalf("the first drain: %d streams within %s", streams, left)
	}
	w.advance(10 * time.Second)
	gone := ended()
	if gone < 5 || gone > 15 {
		t.Fatalf("after a tenth of the window %d of 100 streams have ended", gone)
	}
	streams, left := w.drain(time.Hour)
	if streams != 100-gone || left != 90*time.Second {
		t.Errorf("a longer drain: %d streams within %s, want %d within 90 s", streams, left, 100-gone)
	}
	if streams, left = w.drain(5 * time.Second); streams != 100-gone || left != 5*time.Second {
		t.Errorf("a shorter drain: %d streams within %s, want %d within 5 s", streams, left, 100-gone)
	}
	w.advance(2500 * time.Millisecond)
	if n, want := ended(), gone+(100-gone)/2; n < want-8 || n > want+8 {
		t.Errorf("after half of the shorter window %d streams have ended, want about %d", n, want)
	}
	w.publish("a", "still here")
	w.advance(2500 * time.Millisecond)
	if n := ended(); n != 100 {
		t.Errorf("after the shorter window %d streams have ended", n)
	}
	for _, c := range clients {
		c.got.Reset()
		c.Close()
	}
	w.turn()
	<-w.srv.Drained()
	if streams, left := w.drain(0); streams != 0 || left != 0 {
		t.Errorf("after the end: %d streams within %s", streams, left)
	}
}

func TestADrainAtOnceCutsALongOneShort(t *testing.T) {
	w := newTestServer(t, nil)
	c := w.subscribe("subscribe=a")
	w.drain(time.Hour)
	w.advance(time.Second)
	if c.Ended() {
		t.Fatalf("the only stream has ended at the beginning: %q", c.received())
	}
	w.drain(0)
	w.advance(time.Second)
	if got := c.told(); got <= 0 {
		t.Errorf("told to come back after %s", got)
	}
	c.Close()
	w.turn()
	<-w.srv.Drained()
}
