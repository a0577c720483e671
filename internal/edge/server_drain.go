package edge

import (
	"context"
	"time"
)

// Drain stops accepting and ends every stream within the window, each with its own retry:. It
// returns the number of streams and how long they have, or ctx's error if the loops do not respond
// in time; the drain continues regardless. See Drained for its end. A later call can shorten the
// window for what is left, but never extends it.
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
	for i, w := range s.workers {
		var n int
		var l time.Duration
		if err := w.ask(ctx, func() { n, l = s.drains[i].change(plan) }); err != nil {
			return 0, 0, err // n and l may yet be written
		}
		streams += n
		left = max(left, l)
	}
	return streams, left, nil
}

// drainAll starts the drain on every loop and waits for its end. It ignores errors: a loop that has
// stopped has nothing left to drain.
func (s *Server) drainAll(plan DrainPlan) {
	ctx := context.Background()
	for _, w := range s.workers {
		_ = w.ask(ctx, w.stopAccepting)
	}
	var dones []chan struct{}
	for i, w := range s.workers {
		done := make(chan struct{})
		streams := 0
		err := w.ask(ctx, func() { streams = s.drains[i].start(plan, done) })
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

// Drained returns a channel that is closed when a drain has ended and no connection is left.
func (s *Server) Drained() <-chan struct{} { return s.drained }
