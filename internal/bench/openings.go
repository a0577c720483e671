package bench

import "sync/atomic"

// openings decides which streams are opened when: in order, so many at a time, and after a failure
// again at the next tick. All but pending belongs to the loop.
type openings[T comparable] struct {
	most   int // at a time
	queue  []T // to be opened, in this order
	later  []T // to be queued at the next tick
	active map[T]struct{}

	pending atomic.Int64 // len(active), for any goroutine
}

func newOpenings[T comparable](most int) *openings[T] {
	return &openings[T]{most: most, active: map[T]struct{}{}}
}

// add has t opened after those before it.
func (o *openings[T]) add(t T) { o.queue = append(o.queue, t) }

// retry has t opened after the next tick.
func (o *openings[T]) retry(t T) { o.later = append(o.later, t) }

// tick returns those to be opened again.
func (o *openings[T]) tick() []T {
	due := o.later
	o.later = nil
	return due
}

// next returns the one to open next, if any may be opened now.
func (o *openings[T]) next() (t T, ok bool) {
	if len(o.queue) == 0 || len(o.active) >= o.most {
		return t, false
	}
	t = o.queue[0]
	o.queue = o.queue[1:]
	return t, true
}

// begin notes that t is being opened.
func (o *openings[T]) begin(t T) {
	o.active[t] = struct{}{}
	o.pending.Store(int64(len(o.active)))
}

// end notes that t is not being opened any more.
func (o *openings[T]) end(t T) {
	delete(o.active, t)
	o.pending.Store(int64(len(o.active)))
}

// isDone reports whether nothing is left to be opened.
func (o *openings[T]) isDone() bool { return len(o.queue)+len(o.active)+len(o.later) == 0 }
