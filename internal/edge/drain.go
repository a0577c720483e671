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
	begin   time.Duration
	window  time.Duration
	order   []*conn // still to be ended, last first
	total   int
	timer   reactor.Timer
	done    chan struct{} // closed when no connection is left
}

const (
	// drainTick is how often due streams are ended.
	drainTick = 20 * time.Millisecond
	// drainGrace is how long after the window a connection may still take to end.
	drainGrace = drainTime + lingerTime
)

// startDrain begins to end the worker's streams. It answers how many there are.
func (w *worker) startDrain(window time.Duration, done chan struct{}) int {
	d := &w.drain
	d.started, d.begin, d.window, d.done = true, w.now(), window, done
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

// HandleTimer implements reactor.TimerHandler: it ends the streams that are due.
func (w *worker) HandleTimer(_ *reactor.Timer, _ time.Time) {
	d := &w.drain
	elapsed := w.now() - d.begin
	due := d.total
	if elapsed < d.window {
		// Half a place of jitter keeps the ends of several workers from falling together.
		due = int(math.Ceil(float64(d.total)*float64(elapsed)/float64(d.window) - w.rand.Float64()))
	}
	retry := w.srv.config().Retry
	for len(d.order) > 0 && d.total-len(d.order) < due {
		last := len(d.order) - 1
		c := d.order[last]
		d.order[last] = nil
		d.order = d.order[:last]
		c.end(Drained, sse.Farewell(w.jitter(retry)))
	}
	switch {
	case elapsed >= d.window+drainGrace:
		for _, c := range w.conns {
			c.fail(Drained)
		}
	case elapsed >= d.window:
		for _, c := range w.conns { // those that never became streams, or became one late
			switch c.state {
			case stateStreaming:
				c.end(Drained, sse.Farewell(w.jitter(retry)))
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
// number of streams, or ctx's error if the loops do not say in time; the drain goes on all the same. Drained tells when
// the last connection has gone. A second call answers as the first did and changes nothing.
func (s *Server) Drain(ctx context.Context, window time.Duration) (int, error) {
	s.drainOnce.Do(func() {
		s.isDraining.Store(true)
		go s.drainAll(window)
	})
	select {
	case <-s.drainBegun:
		return s.drainStreams, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// drainAll begins the drain on every loop and waits for its end. A loop that has stopped has nothing left to drain, so
// errors are of no consequence.
func (s *Server) drainAll(window time.Duration) {
	ctx := context.Background()
	for _, a := range s.acceptors {
		_ = a.w.ask(ctx, a.Close) // what waits in the kernel's backlog is reset
	}
	var dones []chan struct{}
	for _, w := range s.workers {
		done := make(chan struct{})
		streams := 0
		err := w.ask(ctx, func() {
			streams = w.startDrain(window, done)
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
