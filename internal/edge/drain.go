package edge

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/hassesd/hassesd/internal/edge/subscriber"
	"github.com/hassesd/hassesd/internal/edge/transport"
	"github.com/hassesd/hassesd/internal/reactor"
	"github.com/hassesd/hassesd/internal/sse"
)

// drain is a worker's part in stopping: it ends the streams one after the other, spread evenly over
// the window.
type drain struct {
	w       *worker
	plan    DrainPlan
	begin   time.Duration            // of the window
	listing bool                     // order is not complete yet
	order   []*subscriber.Subscriber // still to be ended; whose turn it is, chance decides
	total   int                      // of them when the window began
	due     int                      // of them should have been ended by now
	ending  bool                     // a walk ends those that are due
	closing bool                     // a walk ends all that there is
	timer   reactor.Timer
	done    chan struct{} // closed when no connection is left
}

// DrainPlan describes a drain.
type DrainPlan struct {
	Window    time.Duration // the streams end within, evenly
	ComesBack bool          // there will be a daemon again, here, when the window is over; otherwise clients go elsewhere
}

const (
	// drainTick is how often due streams are ended.
	drainTick = 20 * time.Millisecond
	// drainGrace is how long after the window a connection may still take to end.
	drainGrace = transport.DrainTime + transport.LingerTime
)

// start begins ending the worker's streams, and returns how many there are.
func (d *drain) start(plan DrainPlan, done chan struct{}) int {
	w := d.w
	d.begin, d.plan, d.done, d.listing = w.now(), plan, done, true
	d.tell()
	w.whenEmpty = d.emptied
	list := w.overSubscribers(func(s *subscriber.Subscriber) int {
		if s.State() == subscriber.Streaming {
			d.order = append(d.order, s)
		}
		return 0
	})
	w.walks.start(context.Background(), w.overConns(func(c *conn) int {
		if c.h2 == nil {
			return 0
		}
		c.h2.goAway()
		return failCost
	}).step, func() {})
	w.walks.start(context.Background(), list.step, func() {
		d.listing, d.total = false, len(d.order)
		if d.done != nil {
			w.loop.Schedule(&d.timer, d, w.loop.Now())
		}
	})
	return w.subs.Streaming()
}

// change replaces the plan, but ends no stream later than planned before. It returns how many
// streams are left, and how long they have.
func (d *drain) change(plan DrainPlan) (streams int, left time.Duration) {
	w := d.w
	now := w.now()
	d.plan.ComesBack = plan.ComesBack
	if now+plan.Window < d.begin+d.plan.Window {
		d.begin, d.plan.Window, d.total = now, plan.Window, len(d.order)
		if d.done != nil && !d.listing {
			w.loop.Schedule(&d.timer, d, w.loop.Now())
		}
	}
	d.tell()
	return w.subs.Streaming(), max(0, d.begin+d.plan.Window-now)
}

// tell sets how long clients wait.
func (d *drain) tell() {
	d.w.away = 0
	if d.plan.ComesBack {
		d.w.away = d.plan.Window
	}
}

// lastFrame returns the last frame for a client that a drain sends away.
func (d *drain) lastFrame() []byte { return sse.LastFrame(d.w.comeBack()) }

// HandleTimer implements reactor.TimerHandler: it ends the streams that are due.
func (d *drain) HandleTimer(*reactor.Timer, time.Time) {
	w := d.w
	elapsed := w.now() - d.begin
	d.due = d.total
	if elapsed < d.plan.Window {
		// Jitter keeps workers from ending their streams at the same moments.
		d.due = int(math.Ceil(float64(d.total)*float64(elapsed)/float64(d.plan.Window) - w.rand.Float64()))
	}
	if !d.ending && d.hasDue() {
		d.ending = true
		w.walks.start(context.Background(), d.step, func() { d.ending = false })
	}
	if !d.closing && elapsed >= d.plan.Window {
		d.closing = true
		w.walks.start(context.Background(), w.overConns(d.endLate).step, func() { d.closing = false })
	}
	if len(w.conns) > 0 {
		w.loop.Schedule(&d.timer, d, w.loop.Now().Add(drainTick))
	}
}

func (d *drain) hasDue() bool { return len(d.order) > 0 && d.total-len(d.order) < d.due }

// step is the step of a walk that ends the streams that are due.
func (d *drain) step() (cost int, more bool) {
	if !d.hasDue() {
		return 0, false
	}
	i, last := d.w.rand.IntN(len(d.order)), len(d.order)-1
	s := d.order[i]
	d.order[i], d.order[last] = d.order[last], nil
	d.order = d.order[:last]
	cost = endingCost(s)
	streamOf(s).end(Drained, d.lastFrame())
	return cost, d.hasDue()
}

// endLate ends what is left after the window: connections without a stream, streams that were
// opened late and, at last, connections that do not finish.
func (d *drain) endLate(c *conn) (cost int) {
	switch {
	case c.h2 != nil && c.transport.State() == transport.Open:
		cost = c.h2.endLate(d)
	case c.isLive():
		cost = endingCost(&c.sub)
		c.end(Drained, d.lastFrame())
	case c.inWork() != nil:
		cost = failCost
		c.inWork().interrupt()
	case c.transport.State() != transport.Closing:
		cost = failCost
		c.fail(Drained)
	}
	if d.w.now()-d.begin >= d.plan.Window+drainGrace {
		cost += failCost
		c.fail(Drained)
	}
	return cost
}

// emptied signals that the last connection has closed.
func (d *drain) emptied() {
	d.w.loop.Cancel(&d.timer)
	d.w.whenEmpty = nil
	close(d.done)
	d.done = nil
}

// endLate is the part of drain.endLate for a connection that speaks HTTP/2. What exceeds a turn's
// share is left to the next walk.
func (h *h2conn) endLate(d *drain) (cost int) {
	c := h.c
	streams := slices.Clone(h.mux.Streams())
	for _, s := range streams {
		if cost >= walkBudget {
			break
		}
		cost += lookCost
		st := h2streamOf(s)
		if st.isLive() {
			cost += endingCost(st.sub)
			st.end(Drained, d.lastFrame())
		} else if st.post != nil {
			st.post.interrupt()
		}
	}
	if len(streams) == 0 {
		c.finish(Drained)
		return failCost
	}
	return cost
}
