package edge

import (
	"context"

	"github.com/hassesd/hassesd/internal/edge/subscriber"
	"github.com/hassesd/hassesd/internal/sse"
)

// What the edge does while the log is elsewhere and out of reach: it defers new streams, and ends
// those that are open when their clients are better off at another node.

// DeferStreams sets whether new streams are deferred, because this node does not have what the log
// has. Open streams stay.
func (s *Server) DeferStreams(away bool) { s.logAway.Store(away) }

// SendAway ends about `most` streams, whichever come first, because the log is out of reach: their
// clients are told to come back, and find another node. It returns how many it ended.
func (s *Server) SendAway(ctx context.Context, most int) (int, error) {
	each := min(share(most, len(s.workers)), awayAtOnce)
	total := 0
	for _, w := range s.workers {
		n := 0
		if err := w.walk(ctx, func() func() (int, bool) { return w.sendAway(each, &n) }); err != nil {
			return total, err // n may yet be written
		}
		total += n
	}
	return total, nil
}

// awayAtOnce is how many streams one call ends per loop.
const awayAtOnce = 256

// sendAway returns the step of a walk that ends so many streams of the worker, and counts them in n.
func (w *worker) sendAway(most int, n *int) func() (cost int, more bool) {
	visits := w.overSubscribers(func(s *subscriber.Subscriber) int {
		st := streamOf(s)
		if !st.isLive() {
			return 0
		}
		*n++
		cost := endingCost(s)
		st.end(LogLost, sse.LastFrame(w.jitter(w.srv.config().Retry)))
		return cost
	})
	return func() (cost int, more bool) {
		cost, more = visits.step()
		return cost, more && *n < most
	}
}
