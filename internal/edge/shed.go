package edge

import (
	"cmp"
	"context"
	"slices"

	"github.com/hassesd/hassesd/internal/edge/subscriber"
	"github.com/hassesd/hassesd/internal/edge/transport"
)

// What is done when memory runs short. Somebody else measures; here new streams are refused, and those that hold most are
// ended.

// RefuseStreams sets whether new streams are told to come later, because memory runs short. Those that are open stay.
func (s *Server) RefuseStreams(refuse bool) { s.memoryLow.Store(refuse) }

// Shed ends about most streams, those for which most waits, and returns how many. Streams for which nothing waits stay.
// It ends no more than shedAtOnce of a loop: whoever needs more memory calls again.
func (s *Server) Shed(ctx context.Context, most int) (int, error) {
	share := min((most+len(s.workers)-1)/len(s.workers), shedAtOnce)
	total := 0
	for _, w := range s.workers {
		worst := shedding{most: share}
		for next := -1; next != 0; {
			if err := w.ask(ctx, func() { next = worst.look(&w.subs, next) }); err != nil {
				return total, err
			}
		}
		n := 0
		if err := w.ask(ctx, func() { n = worst.end() }); err != nil {
			return total, err // n may yet be written
		}
		total += n
	}
	return total, nil
}

const (
	// shedPerTurn is how many subscribers one turn looks at, about 0.2 ms.
	shedPerTurn = 4096
	// shedAtOnce is how many one call ends. Twice as many are sorted in one turn, about 0.3 ms.
	shedAtOnce = 2048
)

// shedding is the subscribers of one worker, found so far, for which most waits.
type shedding struct {
	most  int
	found []candidate // unordered, up to twice as many as are wanted
}

type candidate struct {
	c       *conn
	waiting int // bytes
}

// look looks at the subscribers below end, downwards, and returns where to go on; -1 begins, 0 is the end.
func (d *shedding) look(subs *subscriber.Set, end int) int {
	if end < 0 || end > subs.Len() {
		end = subs.Len()
	}
	stop := max(0, end-shedPerTurn)
	for i := stop; i < end; i++ {
		c := connOf(subs.At(i))
		if c.transport.IsFailing() {
			continue
		}
		if waiting := c.unwritten(); waiting > 0 {
			d.found = append(d.found, candidate{c, waiting})
			if len(d.found) >= 2*d.most {
				d.cut()
			}
		}
	}
	return stop
}

// cut leaves those for which most waits.
func (d *shedding) cut() {
	slices.SortFunc(d.found, func(a, b candidate) int { return cmp.Compare(b.waiting, a.waiting) })
	clear(d.found[min(len(d.found), d.most):])
	d.found = d.found[:min(len(d.found), d.most)]
}

// end ends what was found, without another word: it would wait behind what is not taken anyway, and a browser that has an id
// comes back for what it missed.
func (d *shedding) end() int {
	d.cut()
	n := 0
	for i, found := range d.found {
		d.found[i] = candidate{}
		c := found.c
		if c.transport.State() == transport.Closed || c.transport.IsFailing() {
			continue
		}
		if c.transport.State() == transport.Closing {
			c.reason = MemoryShed
		}
		c.fail(MemoryShed)
		n++
	}
	return n
}
