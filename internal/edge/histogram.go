package edge

import (
	"sync/atomic"
	"time"
)

// Histogram is a distribution of durations at one moment.
type Histogram struct {
	Bounds []time.Duration // upper ends of the buckets, ascending
	Counts []uint64        // of each bucket alone; the last one has no upper end
	Sum    time.Duration
}

// bounds are the buckets of all histograms here: from what a turn takes to what a client notices.
var bounds = [...]time.Duration{
	50 * time.Microsecond, 100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
}

// histogram is written by one goroutine and may be read by any. The zero value is empty.
type histogram struct {
	counts [len(bounds) + 1]atomic.Uint64
	sum    atomic.Int64 // nanoseconds
}

// observe adds a duration. With one writer, a load and a store are enough, and cheaper than an
// addition that locks the line.
func (h *histogram) observe(d time.Duration) {
	d = max(d, 0)
	i := 0
	for i < len(bounds) && d > bounds[i] {
		i++
	}
	h.counts[i].Store(h.counts[i].Load() + 1)
	h.sum.Store(h.sum.Load() + int64(d))
}

func newHistogram() Histogram {
	return Histogram{Bounds: bounds[:], Counts: make([]uint64, len(bounds)+1)}
}

// add adds what h has to a snapshot.
func (out *Histogram) add(h *histogram) {
	for i := range h.counts {
		out.Counts[i] += h.counts[i].Load()
	}
	out.Sum += time.Duration(h.sum.Load())
}
