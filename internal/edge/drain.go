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
	order   []*conn       // still to be ended, last first
	total   int           // of them when the window began
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
	d.started, d.begin, d.plan, d.done = true, w.now(), plan, done
	for _, c := range w.conns {
		if c.state == stateStreaming {
			d.order = append(d.order, c)
		}
	}
	d.total = len(d.order)
	w.rand.Shuffle(d.total, func(i, j int) { d.order[i], d.order[j] = d.order[j], d.order[i] })
	w.loop.Schedule(&d.timer, w, w.loop.Now())
	return d.total
}

// changeDrain follows another plan from now on, but ends nothing later than planned before. It answers how many streams
// are left, and how long they have.
func (w *worker) changeDrain(plan DrainPlan) (streams int, left time.Duration) {
	d := &w.drain
	now := w.now()
	d.plan.ComesBack = plan.ComesBack
	if now+plan.Window < d.begin+d.plan.Window {
		d.begin, d.plan.Window, d.total = now, plan.Window, len(d.order)
		if d.done != nil {
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

// HandleTimer implements reactor.TimerHandler: it ends the streams that are due.
func (w *worker) HandleTimer(_ *reactor.Timer, _ time.Time) {
	d := &w.drain
	elapsed := w.now() - d.begin
	due := d.total
	if elapsed < d.plan.Window {
		// Half a place of jitter keeps the ends of several workers from falling together.
		due = int(math.Ceil(float64(d.total)*float64(elapsed)/float64(d.plan.Window) - w.rand.Float64()))
	}
	for len(d.order) > 0 && d.total-len(d.order) < due {
		last := len(d.order) - 1
		c := d.order[last]
		d.order[last] = nil
		d.order = d.order[:last]
		c.end(Drained, sse.Farewell(w.comeBack()))
	}
	switch {
	case elapsed >= d.plan.Window+drainGrace:
		for _, c := range w.conns {
			c.fail(Drained)
		}
	case elapsed >= d.plan.Window:
		for _, c := range w.conns { // those that never became streams, or became one late
			switch c.state {
			case stateStreaming:
				c.end(Drained, sse.Farewell(w.comeBack()))
			case stateAccepted, stateHandshaking, stateReading:
				c.fail(Drained)
			case stateDraining, stateClosed:
			}
		}
	}
	if len(w.conns) > 0 {
		w.loop.Schedule(&d.timer, w, w.loop.Now().Add(drainTick))
	}
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
