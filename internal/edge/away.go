package edge

import (
	"context"

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
	each := min(share(most, len(s.workers)), awayPerTurn)
	total := 0
	for _, w := range s.workers {
		n := 0
		if err := w.ask(ctx, func() { n = w.sendAway(each) }); err != nil {
			return total, err // n may yet be written
		}
		total += n
	}
	return total, nil
}

// awayPerTurn is how many streams one turn ends: about 1 ms.
const awayPerTurn = 256

// sendAway ends streams of the worker, and returns how many.
func (w *worker) sendAway(most int) int {
	n := 0
	for slot := w.subs.Len() - 1; slot >= 0 && n < most; slot = min(slot, w.subs.Len()) - 1 {
		if s := streamOf(w.subs.At(slot)); s.isLive() {
			s.end(LogLost, sse.LastFrame(w.jitter(w.srv.config().Retry)))
			n++
		}
	}
	return n
}
