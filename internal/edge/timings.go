package edge

import (
	"time"

	"github.com/hassesd/hassesd/internal/hub"
)

// timings are the durations that a worker measures. Its loop writes them; the histograms and lag
// may be read by any goroutine, see figures.
type timings struct {
	turns      histogram // from the end of a wait to the end of the turn
	handshakes histogram // of TLS, that succeeded, from the start of their computing on
	deliveries histogram // of a sample of events, from their publishing until the socket had taken their last byte

	// Owned by the loop.
	slowest window
	written deliverySample      // whose record is being written; of nil: none
	late    map[*conn]time.Time // samples whose socket was full, by when they were published
	clock   func() time.Time    // reads the time
	shard   *hub.Shard          // knows the samples
}

// deliverySample is a sampled event on its way to a client.
type deliverySample struct {
	of        *conn
	published time.Time
}

// maxLate bounds the samples that wait for their clients.
const maxLate = 64

// popped notes that a record of the connection is to be written, and has the end of a sampled event
// if the shard says so.
func (t *timings) popped(c *conn) {
	published, ok := t.shard.TakeSample()
	if !ok {
		return
	}
	if before := t.written; before.of != nil && before.of != c && !before.of.isLate && len(t.late) < maxLate {
		// Its socket was full, or it would have left.
		if t.late == nil {
			t.late = make(map[*conn]time.Time)
		}
		t.late[before.of], before.of.isLate = before.published, true
	}
	t.written = deliverySample{c, published}
}

// left measures a sampled event whose record has been written: all records of the connection have
// left.
func (t *timings) left(c *conn) {
	if t.written.of == c {
		t.deliveries.observe(t.clock().Sub(t.written.published))
		t.written = deliverySample{}
	}
	if c.isLate {
		t.deliveries.observe(t.clock().Sub(t.late[c]))
		t.forget(c)
	}
}

// forget drops what waits for a connection, which is closed.
func (t *timings) forget(c *conn) {
	if t.written.of == c {
		t.written = deliverySample{}
	}
	if c.isLate {
		delete(t.late, c)
		c.isLate = false
	}
}

// turn measures a turn that began at that time.
func (t *timings) turn(began time.Time) {
	now := t.clock()
	d := now.Sub(began)
	t.turns.observe(d)
	t.slowest.add(now, d)
}

// window is the maximum of the last one to two lagWindows.
type window struct {
	since       time.Time
	now, before time.Duration
}

// lagWindow is for how long at least a slow turn is reported: longer than the usual interval between
// two scrapes.
const lagWindow = 15 * time.Second

func (w *window) add(now time.Time, d time.Duration) {
	if now.Sub(w.since) >= lagWindow {
		if w.before = w.now; now.Sub(w.since) >= 2*lagWindow {
			w.before = 0
		}
		w.since, w.now = now, 0
	}
	w.now = max(w.now, d)
}

func (w *window) max() time.Duration { return max(w.now, w.before) }
