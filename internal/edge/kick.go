package edge

import (
	"context"
	"math"
	"time"

	"github.com/hassesd/hassesd/internal/edge/subscriber"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/sse"
)

// Kick ends the selected streams, and refuses the same selection for the duration of refuse. It
// returns how many streams it ended. Streams that open meanwhile may or may not be among them.
func (s *Server) Kick(ctx context.Context, sel Selection, refuse time.Duration) (int, error) {
	if refuse > 0 { // before the end of the streams: they come back at once
		w := s.workers[0]
		if err := w.ask(ctx, func() { s.bans.add(w.now(), sel, refuse) }); err != nil {
			return 0, err
		}
	}
	total := 0
	for _, w := range s.workers {
		n, err := w.kick(ctx, sel)
		if err != nil {
			return total, err
		}
		total += n
	}
	return total, nil
}

// kick ends the worker's selected streams, a slice per turn, and returns how many. It stops when
// ctx is done.
func (w *worker) kick(ctx context.Context, sel Selection) (int, error) {
	n := 0
	err := w.walk(ctx, func() func() (int, bool) {
		return w.selected(sel, func(s *subscriber.Subscriber) int {
			st := streamOf(s)
			if !st.isLive() {
				return 0
			}
			n++
			cost := endingCost(s)
			st.end(Kicked, sse.LastFrame(w.jitter(w.srv.config().Retry)))
			return cost
		})
	})
	if err != nil {
		return 0, err // n may yet be written
	}
	return n, nil
}

// selected returns the step of a walk that visits the subscribers of the selection.
func (w *worker) selected(sel Selection, visit func(*subscriber.Subscriber) (cost int)) func() (cost int, more bool) {
	if sel.All {
		return w.overSubscribers(visit).step
	}
	next := math.MaxInt
	return func() (cost int, more bool) {
		var st *hub.Stream
		if sel.Room != "" {
			st, next = w.shard.InRoom(sel.Room, next)
		} else {
			st, next = w.shard.WithID(sel.ID, next)
		}
		if st == nil {
			return lookCost, false
		}
		if s, ok := st.Owner.(subscriber.Carrier); ok {
			cost = visit(s.Subscriber())
		}
		return lookCost + cost, next > 0
	}
}
