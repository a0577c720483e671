package edge

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/hub"
)

func (w *testServer) shed(most int) (n int) {
	w.t.Helper()
	w.do(func(ctx context.Context) (err error) {
		n, err = w.srv.Shed(ctx, most)
		return err
	})
	w.turn()
	return n
}

func (w *testServer) clients() (all []ClientInfo) {
	w.t.Helper()
	w.do(func(ctx context.Context) (err error) {
		list, err := w.srv.Clients(ctx, ClientPage{Limit: 1 << 20})
		all = list.Clients
		return err
	})
	return all
}

func TestShedEndsThoseForWhomMostWaits(t *testing.T) {
	for _, loops := range []int{1, 3} {
		t.Run(fmt.Sprint(loops, " loops"), func(t *testing.T) {
			w := newTestServer(t, func(s *setup) { s.loops, s.hub.QueueBytes = loops, 1<<20 })
			idle := w.subscribe("subscribe=other")
			good := w.subscribe("subscribe=a")
			var slow []*client
			for i := range 12 {
				c := w.subscribe(fmt.Sprintf("subscribe=a&room=own%d", i))
				c.SetWindow(0)
				slow = append(slow, c)
			}
			w.publish("a", strings.Repeat("x", 20_000))
			for i := range slow { // the later, the more
				for range i {
					w.publish(fmt.Sprintf("own%d", i), strings.Repeat("x", 5000))
				}
			}
			load := w.srv.Load()
			if load.Blocked != len(slow) || load.QueuedBytes == 0 {
				t.Fatalf("load %+v", load)
			}
			// Each loop ends its share; with one loop it is known whose.
			if n := w.shed(3); n != 3 {
				t.Fatalf("%d were ended, want 3", n)
			}
			gone := 0
			for i, c := range slow {
				closed, reset := c.Closed()
				if closed {
					gone++
				}
				if closed && !reset {
					t.Errorf("stream %d was not reset: the kernel would keep what nobody takes", i)
				}
				if want := i >= len(slow)-3; loops == 1 && closed != want {
					t.Errorf("stream %d: ended %t, want %t", i, closed, want)
				}
			}
			if gone != 3 {
				t.Errorf("%d are gone", gone)
			}
			if n := w.shed(1000); n != len(slow)-3 {
				t.Errorf("%d were ended, want the others of the slow ones and nobody else", n)
			}
			w.publish("*", "still there")
			if got := idle.events(); len(got) != 1 || got[0] != "still there" {
				t.Errorf("the idle stream got %q", got)
			}
			if got := good.events(); len(got) != 2 {
				t.Errorf("the good stream got %d events", len(got))
			}
			if st := w.stats(); st.Closed["memory_shed"] != uint64(len(slow)) || st.Streams != 2 {
				t.Errorf("stats %+v", st)
			}
			if load := w.srv.Load(); load != (Load{}) {
				t.Errorf("load %+v, want none", load)
			}
			w.check()
		})
	}
}

func TestNewStreamsAreRefusedWithRetryWhenMemoryIsShort(t *testing.T) {
	w := newTestServer(t, nil)
	old := w.subscribe("subscribe=a")
	w.srv.RefuseStreams(true)
	c := w.connect()
	c.get("/sse?subscribe=a")
	c.want(`HTTP/1.1 200 OK\r\n(.+\r\n)*\r\n`)
	c.want(`[0-9a-f]+\r\nretry: \d+\n\n\r\n0\r\n\r\n`)
	c.wantEnd()
	w.publish("a", "x")
	old.wantEvent(1, "x")
	if st := w.stats(); st.Refused["memory"] != 1 || st.Closed["refused_kindly"] != 1 {
		t.Errorf("stats %+v", st)
	}
	w.srv.SetReinit(true)
	old.get("/sse?subscribe=b") // costs nothing new
	old.want(`0\r\n\r\nHTTP/1\.1 200 OK\r\n(.+\r\n)*\r\n[0-9a-f]+\r\nretry: \d+\nid: e-1\n\n\r\n`)
	w.publish("b", "y")
	old.wantEvent(2, "y")
	w.srv.RefuseStreams(false)
	w.subscribe("subscribe=a")
}

func TestQueuesAreAccountedFor(t *testing.T) {
	w := newTestServer(t, func(s *setup) { s.hub.QueueBytes, s.hub.Slow, s.reinit = 4096, hub.DropOldest, true })
	a, b := w.subscribe("subscribe=a"), w.subscribe("subscribe=a")
	a.SetWindow(0)
	for i := range 50 {
		w.publish("a", fmt.Sprint(i, strings.Repeat("x", 500)))
		w.check() // compares the count with the queues
	}
	if load := w.srv.Load(); load.Blocked != 1 || load.QueuedBytes < 3000 || load.QueuedBytes > 5000 {
		t.Errorf("load %+v", load)
	}
	info := w.clients()
	waiting := 0
	for _, c := range info {
		waiting += c.QueueBytes
	}
	if waiting < 3000 {
		t.Errorf("clients show %d bytes that wait: %+v", waiting, info)
	}
	a.SetWindow(1 << 20)
	w.turn()
	b.get("/sse?subscribe=b") // a second request throws the queue away
	w.check()
	if load := w.srv.Load(); load != (Load{}) {
		t.Errorf("load %+v, want none", load)
	}
}

func TestBoundOfTheKernelIsReloaded(t *testing.T) {
	w := newTestServer(t, nil)
	cfg := w.srv.config().Config
	cfg.KernelBytes = 5000
	w.srv.Reconfigure(w.kernel.Now(), cfg)
	w.turn()
	c := w.subscribe("subscribe=a")
	w.publish("a", strings.Repeat("x", 50_000))
	if st := w.clients(); len(st) != 1 || st[0].KernelBytes != 5000 || st[0].QueueBytes < 40_000 {
		t.Errorf("the kernel holds %+v, want 5000 bytes and the rest with us", st)
	}
	c.SetWindow(1 << 20)
	w.turn()
	if got := c.events(); len(got) != 1 || len(got[0]) != 50_000 {
		t.Errorf("got %d events", len(got))
	}
}
