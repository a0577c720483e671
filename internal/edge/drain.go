package edge

import (
	"context"
	"math"
	"time"

	"github.com/hassesd/hassesd/internal/reactor"
	"github.com/hassesd/hassesd/internal/sse"
)

// drain is a worker's part in stopping: its streams end one after the other, evenly over the window.
type drain struct {
	started bool
	plan    DrainPlan
	begin   time.Duration // of the window
	listing bool          // order is not complete yet
	order   []*conn       // still to be ended; whose turn it is, chance says
	total   int           // of them when the window began
	due     int           // of them should have been ended by now
	ending  bool          // a walk ends those that are due
	closing bool          // a walk ends all that there is
	timer   reactor.Timer
	done    chan struct{} // closed when no connection is left
}

// DrainPlan is how a drain is to go.
type DrainPlan struct {
	Window    time.Duration // the streams end within, evenly
	ComesBack bool          // there will be a daemon again, here, when the window is over; otherwise clients go elsewhere
}

const (
	// drainTick is how often due streams are ended.
	drainTick = 20 * time.Millisecond
	// drainGrace is how long after the window a connection may still take to end.
	drainGrace = drainTime + lingerTime
)

// startDrain begins to end the worker's streams. It answers how many there are.
func (w *worker) startDrain(plan DrainPlan, done chan struct{}) int {
	d := &w.drain
	d.started, d.begin, d.plan, d.done, d.listing = true, w.now(), plan, done, true
	list := w.overConns(func(c *conn) int {
		if c.state == stateStreaming {
			d.order = append(d.order, c)
		}
		return 0
	})
	w.walk(context.Background(), list.step, func() {
		d.listing, d.total = false, len(d.order)
		if d.done != nil {
			w.loop.Schedule(&d.timer, w, w.loop.Now())
		}
	})
	return w.inState[stateStreaming]
}

// changeDrain follows another plan from now on, but ends nothing later than planned before. It answers how many streams
// are left, and how long they have.
func (w *worker) changeDrain(plan DrainPlan) (streams int, left time.Duration) {
	d := &w.drain
	now := w.now()
	d.plan.ComesBack = plan.ComesBack
	if now+plan.Window < d.begin+d.plan.Window {
		d.begin, d.plan.Window, d.total = now, plan.Window, len(d.order)
		if d.done != nil && !d.listing {
			w.loop.Schedule(&d.timer, w, w.loop.Now())
		}
	}
	return w.inState[stateStreaming], max(0, d.begin+d.plan.Window-now)
}

// comeBack is when a client that is sent away in a drain shall come back. If this daemon is to be started again, nobody
// listens before the window is over, or connections wait in the kernel all that time and are then served all at once: so
// everybody is to stay away for a whole window, and they return in the order and at the pace in which they were sent
// away. If others serve meanwhile, it is as at any other time.
func (w *worker) comeBack() time.Duration {
	retry := w.jitter(w.srv.config().Retry)
	if w.drain.plan.ComesBack {
		retry += w.drain.plan.Window
	}
	return retry
}

// HandleTimer implements reactor.TimerHandler: it has the streams ended that are due.
func (w *worker) HandleTimer(_ *reactor.Timer, _ time.Time) {
	d := &w.drain
	elapsed := w.now() - d.begin
	d.due = d.total
	if elapsed < d.plan.Window {
		// Half a place of jitter keeps the ends of several workers from falling together.
		d.due = int(math.Ceil(float64(d.total)*float64(elapsed)/float64(d.plan.Window) - w.rand.Float64()))
	}
	if !d.ending && d.hasDue() {
		d.ending = true
		w.walk(context.Background(), w.stepDrain, func() { d.ending = false })
	}
	if !d.closing && elapsed >= d.plan.Window {
		d.closing = true
		w.walk(context.Background(), w.overConns(w.drainLate).step, func() { d.closing = false })
	}
	if len(w.conns) > 0 {
		w.loop.Schedule(&d.timer, w, w.loop.Now().Add(drainTick))
	}
}

func (d *drain) hasDue() bool { return len(d.order) > 0 && d.total-len(d.order) < d.due }

// stepDrain is the step of a walk that ends the streams that are due.
func (w *worker) stepDrain() (cost int, more bool) {
	d := &w.drain
	if !d.hasDue() {
		return 0, false
	}
	i, last := w.rand.IntN(len(d.order)), len(d.order)-1
	c := d.order[i]
	d.order[i], d.order[last] = d.order[last], nil
	d.order = d.order[:last]
	cost = c.endingCost()
	c.end(Drained, sse.Farewell(w.comeBack()))
	return cost, d.hasDue()
}

// drainLate ends what is still there after the window: connections that never became streams, streams that became some
// late, and at last those that do not take their end.
func (w *worker) drainLate(c *conn) (cost int) {
	switch c.state {
	case stateStreaming:
		cost = c.endingCost()
		c.end(Drained, sse.Farewell(w.comeBack()))
	case stateAccepted, stateHandshaking, stateReading:
		cost = failCost
		c.fail(Drained)
	case stateDraining, stateClosed:
	}
	if w.now()-w.drain.begin >= w.drain.plan.Window+drainGrace {
		cost += failCost
		c.fail(Drained)
	}
	return cost
}

// drainProgress notices that the last connection has gone.
func (w *worker) drainProgress() {
	if w.drain.done != nil && len(w.conns) == 0 {
		w.loop.Cancel(&w.drain.timer)
		close(w.drain.done)
		w.drain.done = nil
	}
}

// Drain stops accepting and ends every stream within the window, each with a retry: of its own. It answers with the
// number of streams and how long they have, or ctx's error if the loops do not say in time; the drain goes on all the
// same. Drained tells when the last connection has gone. A later call with a shorter window makes what is left end
// within that one; it never makes a drain longer.
func (s *Server) Drain(ctx context.Context, plan DrainPlan) (streams int, left time.Duration, err error) {
	first := false
	s.drainOnce.Do(func() {
		first = true
		s.isDraining.Store(true)
		go s.drainAll(plan)
	})
	select {
	case <-s.drainBegun:
	case <-ctx.Done():
		return 0, 0, ctx.Err()
	}
	if first {
		return s.drainStreams, plan.Window, nil
	}
	select {
	case <-s.drained:
		return 0, 0, nil
	default:
	}
	for _, w := range s.workers {
		var n int
		var l time.Duration
		if err := w.ask(ctx, func() { n, l = w.changeDrain(plan) }); err != nil {
			return 0, 0, err // n and l may yet be written
		}
		streams += n
		left = max(left, l)
	}
	return streams, left, nil
}

// drainAll begins the drain on every loop and waits for its end. A loop that has stopped has nothing left to drain, so
// errors are of no consequence.
func (s *Server) drainAll(plan DrainPlan) {
	ctx := context.Background()
	for _, a := range s.acceptors {
		// What waits in the kernel's backlog is reset, unless somebody else has the listener too: then it waits for
		// whoever accepts next.
		_ = a.w.ask(ctx, a.Close)
	}
	var dones []chan struct{}
	for _, w := range s.workers {
		done := make(chan struct{})
		streams := 0
		err := w.ask(ctx, func() {
			streams = w.startDrain(plan, done)
			w.drainProgress()
		})
		if err == nil {
			dones = append(dones, done)
			s.drainStreams += streams
		}
	}
	close(s.drainBegun)
	for _, done := range dones {
		<-done
	}
	close(s.drained)
}

// Drained is closed when a drain is over: no connection is left.
func (s *Server) Drained() <-chan struct{} { return s.drained }

func (s *Server) draining() bool { return s.isDraining.Load() }
