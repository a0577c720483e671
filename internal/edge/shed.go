package edge

import (
	"cmp"
	"context"
	"slices"

	"github.com/hassesd/hassesd/internal/edge/subscriber"
)

// What the edge does when memory runs short: it refuses new streams, and ends those that hold most.
// Its caller measures memory.

// RefuseStreams sets whether new streams are deferred because memory runs short. Open streams stay.
// Keys that are ready to seal are forgotten at once, and none is kept until it is called again.
func (s *Server) RefuseStreams(refuse bool) {
	s.memoryLow.Store(refuse)
	for _, w := range s.workers {
		w.loop.Wake()
	}
}

// Shed ends about `most` streams, those with the most unsent bytes, and returns how many. Streams
// without unsent bytes stay. It ends at most shedAtOnce per loop; call it again to free more.
func (s *Server) Shed(ctx context.Context, most int) (int, error) {
	each := min(share(most, len(s.workers)), shedAtOnce)
	total := 0
	for _, w := range s.workers {
		worst := shedding{most: each}
		for next := -1; next != 0; {
			if err := w.ask(ctx, func() { next = worst.look(&w.subs, next) }); err != nil {
				return total, err
			}
		}
		n := 0
		if err := w.walk(ctx, func() func() (int, bool) { return worst.end(&n) }); err != nil {
			return total, err // n may yet be written
		}
		total += n
	}
	return total, nil
}

const (
	// shedPerTurn is how many subscribers one turn examines, about 0.2 ms.
	shedPerTurn = 4096
	// shedAtOnce is how many streams one call ends per loop. Sorting twice as many takes about 0.3
	// ms; they end a slice per turn.
	shedAtOnce = 2048
)

// shedding collects the subscribers of one worker with the most unsent bytes.
type shedding struct {
	most  int
	found []candidate // unordered, up to twice as many as are wanted
}

type candidate struct {
	s       stream
	waiting int // bytes
}

// look examines the subscribers in the slots below end, downwards, and returns where to continue;
// -1 starts, 0 is the end.
func (d *shedding) look(subs *subscriber.Set, end int) int {
	if end < 0 || end > subs.Len() {
		end = subs.Len()
	}
	stop := max(0, end-shedPerTurn)
	for i := stop; i < end; i++ {
		s := streamOf(subs.At(i))
		if waiting := s.unwritten(); waiting > 0 {
			d.found = append(d.found, candidate{s, waiting})
			if len(d.found) >= 2*d.most {
				d.cut()
			}
		}
	}
	return stop
}

// cut keeps those with the most unsent bytes.
func (d *shedding) cut() {
	slices.SortFunc(d.found, func(a, b candidate) int { return cmp.Compare(b.waiting, a.waiting) })
	clear(d.found[min(len(d.found), d.most):])
	d.found = d.found[:min(len(d.found), d.most)]
}

// end returns the step of a walk that ends the streams found, and counts them in n. They get no last
// frame: it would wait behind bytes that the client does not read, and a browser with an id resumes
// anyway.
func (d *shedding) end(n *int) func() (cost int, more bool) {
	d.cut()
	return func() (cost int, more bool) {
		if len(d.found) == 0 {
			return lookCost, false
		}
		s := d.found[0].s
		d.found[0] = candidate{}
		d.found = d.found[1:]
		cost = endingCost(s.Subscriber())
		if s.shed() {
			*n++
		}
		return cost, len(d.found) > 0
	}
}
