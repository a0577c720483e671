package edge

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"
)

// What is done when memory runs short. Somebody else measures; here new streams are refused, and those that hold most are
// ended.

// workerLoad is what a worker tells others of the memory that it holds.
type workerLoad struct {
	queued  atomic.Int64 // bytes
	blocked atomic.Int64 // connections
}

// Load is what the streams make others hold.
type Load struct {
	QueuedBytes int64 // has still to be sent; streams share the events, so this is not memory
	Blocked     int   // connections whose client does not take what the kernel holds for it
}

// Load is what it was at the end of each loop's last turn. It asks nobody and costs next to nothing.
func (s *Server) Load() Load {
	var l Load
	for _, w := range s.workers {
		l.QueuedBytes += w.load.queued.Load()
		l.Blocked += int(w.load.blocked.Load())
	}
	return l
}

// RefuseStreams says whether new streams are told to come later, because memory runs short. Those that are open stay.
func (s *Server) RefuseStreams(refuse bool) { s.isShort.Store(refuse) }

// Shed ends about most streams, those for which most waits, and answers how many. Streams for which nothing waits stay.
// It ends no more than shedAtOnce of a loop: whoever needs more memory calls again.
func (s *Server) Shed(ctx context.Context, most int) (int, error) {
	share := min((most+len(s.workers)-1)/len(s.workers), shedAtOnce)
	total := 0
	for _, w := range s.workers {
		worst := shedding{most: share}
		for next := -1; next != 0; {
			if err := w.ask(ctx, func() { next = w.lookForWorst(next, &worst) }); err != nil {
				return total, err
			}
		}
		n := 0
		if err := w.ask(ctx, func() { n = w.shed(&worst) }); err != nil {
			return total, err // n may yet be written
		}
		total += n
	}
	return total, nil
}

const (
	// shedPerTurn is how many connections one turn looks at, about 0.2 ms.
	shedPerTurn = 4096
	// shedAtOnce is how many one call ends. Twice as many are sorted in one turn, about 0.3 ms.
	shedAtOnce = 2048
)

// shedding is the connections found so far for which most waits.
type shedding struct {
	most  int
	found []candidate // unordered, up to twice as many as are wanted
}

type candidate struct {
	c       *conn
	id      uint64
	waiting int // bytes
}

// lookForWorst looks at the connections below end, downwards, and answers where to go on; -1 begins, 0 is the end.
func (w *worker) lookForWorst(end int, s *shedding) int {
	if end < 0 || end > len(w.conns) {
		end = len(w.conns)
	}
	stop := max(0, end-shedPerTurn)
	for _, c := range w.conns[stop:end] {
		if c.state != stateStreaming && c.state != stateDraining || c.doomed {
			continue
		}
		if waiting := c.unwritten(); waiting > 0 {
			s.found = append(s.found, candidate{c, c.id, waiting})
			if len(s.found) >= 2*s.most {
				s.cut()
			}
		}
	}
	return stop
}

// cut leaves those for which most waits.
func (s *shedding) cut() {
	slices.SortFunc(s.found, func(a, b candidate) int { return cmp.Compare(b.waiting, a.waiting) })
	clear(s.found[min(len(s.found), s.most):])
	s.found = s.found[:min(len(s.found), s.most)]
}

// shed ends what was found, without another word: it would wait behind what is not taken anyway, and a browser that has
// an id comes back for what it missed.
func (w *worker) shed(s *shedding) int {
	s.cut()
	n := 0
	for i, found := range s.found {
		s.found[i] = candidate{}
		if c := found.c; c.id == found.id && c.state != stateClosed && !c.doomed {
			if c.state == stateDraining {
				c.reason = MemoryShed
			}
			c.fail(MemoryShed)
			n++
		}
	}
	return n
}
