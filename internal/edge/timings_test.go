package edge

import (
	"crypto/tls"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/hub"
)

// count returns how many durations a histogram has.
func (out Histogram) count() (n uint64) {
	for _, c := range out.Counts {
		n += c
	}
	return n
}

func TestHistogramHasEveryDurationInItsBucket(t *testing.T) {
	var h histogram
	for i, bound := range bounds {
		h.observe(bound)
		h.observe(bound + 1)
		out := newHistogram()
		out.add(&h)
		if out.Counts[i] == 0 || out.Counts[i+1] == 0 || out.count() != uint64(2*i+2) {
			t.Fatalf("after %s: %v", bound, out.Counts)
		}
	}
	h.observe(-time.Second) // a clock that was set back
	out := newHistogram()
	out.add(&h)
	out.add(&h)
	if out.Counts[0] != 2*2 || out.Sum != 2*time.Duration(h.sum.Load()) {
		t.Errorf("two loops: %v, %s", out.Counts, out.Sum)
	}
}

func TestSlowTurnsAreRememberedForAWhile(t *testing.T) {
	var w window
	now := time.Unix(1000, 0)
	for i, step := range []struct {
		after, turn, want time.Duration
	}{
		{0, 2, 2},
		{time.Second, 9, 9},
		{lagWindow - 2*time.Second, 1, 9},
		{2 * time.Second, 1, 9}, // the next window has begun
		{lagWindow, 3, 3},       // and the one after that
		{3 * lagWindow, 1, 1},
	} {
		now = now.Add(step.after)
		if w.add(now, step.turn); w.max() != step.want {
			t.Errorf("%d: %d, want %d", i, w.max(), step.want)
		}
	}
}

// The delivery of an event ends when the socket has taken its last byte.
func TestDeliveriesAreMeasuredToTheirLastByte(t *testing.T) {
	w := newTestServer(t, nil)
	now := w.kernel.Now
	w.subscribe("subscribe=fast")
	slow := w.subscribe("subscribe=slow")
	measured := func() (uint64, time.Duration) {
		h := w.srv.Stats(now()).Timings.Deliveries
		return h.count(), h.Sum
	}
	w.publish("fast", "x") // the first event is sampled
	if n, sum := measured(); n != 1 || sum != 0 {
		t.Fatalf("%d deliveries in %s", n, sum)
	}
	slow.SetWindow(0)
	for range 63 {
		w.publish("fast", "x")
	}
	w.publish("slow", "x") // which is sampled, and the socket does not take
	w.advance(3 * time.Second)
	if n, _ := measured(); n != 1 {
		t.Fatalf("%d deliveries are over, while one waits for its client", n)
	}
	for range 64 {
		w.publish("fast", "x") // the next one does not wait for that
	}
	if n, _ := measured(); n != 2 {
		t.Fatalf("%d deliveries are over, want 2", n)
	}
	slow.SetWindow(1 << 30)
	w.turnUntilQuiet()
	if n, sum := measured(); n != 3 || sum < 3*time.Second {
		t.Errorf("%d deliveries in %s, the slow one among them", n, sum)
	}
	if len(w.srv.workers[0].timings.late) != 0 {
		t.Error("what was measured is still remembered")
	}
}

func TestAClosedConnectionIsNotMeasured(t *testing.T) {
	w := newTestServer(t, nil)
	slow := w.subscribe("subscribe=slow")
	w.subscribe("subscribe=fast")
	slow.SetWindow(0)
	w.publish("slow", "x") // sampled
	for range 64 {
		w.publish("fast", "x") // until the next one is
	}
	timings := &w.srv.workers[0].timings
	if len(timings.late) != 1 {
		t.Fatalf("%d deliveries wait for their clients", len(timings.late))
	}
	slow.Close()
	w.turnUntilQuiet()
	if len(timings.late) != 0 || timings.written.of != nil {
		t.Errorf("a closed connection is remembered: %+v, %+v", timings.late, timings.written)
	}
	if n := w.srv.Stats(w.kernel.Now()).Timings.Deliveries.count(); n != 1 {
		t.Errorf("%d deliveries", n)
	}
}

func TestHandshakesAreCountedByResult(t *testing.T) {
	server, config := testTLS(t)
	w := newTestServer(t, func(s *setup) { s.tls = server })
	config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	for range 2 { // the second one goes on with the first's session
		c := tls.Client(w.connect().Conn(), config)
		w.tlsDo(c.Handshake)
		w.tlsDo(func() error { // the ticket comes behind the handshake
			_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
			_, _ = c.Read(make([]byte, 1))
			return nil
		})
		_ = c.Close()
		w.turn()
	}
	other := tls.Client(w.connect().Conn(), &tls.Config{ServerName: "localhost"})
	w.tlsDo(func() error { _ = other.Handshake(); return nil })
	w.connect().Send([]byte("no TLS at all, and longer than a record's head\r\n"))
	w.turnUntilQuiet()
	w.waitFor("all results", func() bool {
		r := w.srv.Stats(w.kernel.Now()).HandshakeResults
		return r["ok"]+r["distrust"]+r["invalid"] == 4
	})
	st := w.srv.Stats(w.kernel.Now())
	if r := st.HandshakeResults; r["ok"] != 2 || r["distrust"] != 1 || r["invalid"] != 1 || len(r) != int(numHandshakeResults) {
		t.Errorf("results %v", r)
	}
	if n := st.Timings.Handshakes.count(); n != 2 {
		t.Errorf("%d handshakes were measured", n)
	}
}

func TestReplaysAndBytesAreCounted(t *testing.T) {
	w := newTestServer(t, nil)
	w.publish("a", "x")
	w.subscribe("subscribe=a&lastEventId=e-0")
	w.subscribe("subscribe=a&lastEventId=other-7")
	st := w.stats()
	if st.Replays != (hub.Replays{Complete: 1, Gap: 1}) {
		t.Errorf("%+v", st.Replays)
	}
	if st.SentBytes == 0 {
		t.Error("no bytes were counted")
	}
	if st.Timings.Turns.count() == 0 {
		t.Error("no turns were measured")
	}
}
