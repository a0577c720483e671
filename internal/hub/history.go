package hub

import (
	"sort"
	"time"
)

// HistoryLimits bound the history; the first bound that is reached counts. If any is 0, there is no
// history.
type HistoryLimits struct {
	Events int
	Bytes  int64 // encoded events and the names of their targets
	Age    time.Duration
}

func (l HistoryLimits) off() bool { return l.Events <= 0 || l.Bytes <= 0 || l.Age <= 0 }

// history keeps the newest records, and for each target the numbers of those that were sent to it, so
// that a replay never looks at what is not for its rooms. All of it is guarded by Hub.mu.
//
// Records are kept without holes: the i-th has the number floor+1+i. However many leave together, that only moves the
// floor. What the index still holds of them is swept away later, a bounded number at a time, because others wait for the
// lock meanwhile: half a million targets take half a second.
type history struct {
	limits   HistoryLimits
	records  fifo[*record] // in front those that have left and are not swept away yet
	left     int           // how many these are
	bytes    int64         // the size of those that are kept
	total    int64         // the size of all that came, see record.end
	floor    uint64        // the highest number that is not kept, or not any more
	index    table[Target, *fifo[uint64]]
	prefixes prefixTree // the same for targets that are prefixes
	scans    uint64     // how often heads were collected
	looked   uint64     // places that scans have looked at
}

// len is how many records are kept.
func (h *history) len() int { return h.records.len() - h.left }

// at returns the i-th record that is kept, 0 being the oldest.
func (h *history) at(i int) *record { return h.records.at(h.left + i) }

// record returns the kept record of that number.
func (h *history) record(seq uint64) *record { return h.at(int(seq - h.floor - 1)) }

// append adds the newest record and drops what it displaces.
func (h *history) append(now time.Time, rec *record) {
	if h.limits.off() {
		h.floor = rec.frame.Seq()
		return
	}
	if n := h.len(); n > 0 {
		if before := h.at(n - 1).at; rec.at.Before(before) {
			rec.at = before // two publishers have asked the clock in one order, and the lock in the other
		}
	}
	h.total += rec.size
	h.bytes += rec.size
	rec.end = h.total
	h.records.push(rec)
	for _, t := range rec.to {
		if t.Kind == ToPrefix {
			h.prefixes.push(t.Name, rec.frame.Seq())
			continue
		}
		seqs := h.index.m[t]
		if seqs == nil {
			seqs = new(fifo[uint64])
			h.index.put(t, seqs)
		}
		seqs.push(rec.frame.Seq())
	}
	h.trim(now)
}

// trim drops the oldest records until the limits are kept. It takes the same short time for one as for all.
func (h *history) trim(now time.Time) {
	if h.limits.off() {
		h.clear()
		return
	}
	h.evict(firstTrue(h.len(), func(gone int) bool { return h.fits(gone, now) }))
}

// fits reports whether the limits are kept without the oldest records, so many of them.
func (h *history) fits(gone int, now time.Time) bool {
	n := h.len() - gone
	return n <= h.limits.Events && h.bytesWithout(gone) <= h.limits.Bytes &&
		(n == 0 || now.Sub(h.at(gone).at) <= h.limits.Age)
}

func (h *history) bytesWithout(gone int) int64 {
	if gone == 0 {
		return h.bytes
	}
	return h.total - h.at(gone-1).end
}

// halve drops the oldest records until half of the bytes are left, and answers how many.
func (h *history) halve() int {
	half := h.bytes / 2
	gone := firstTrue(h.len(), func(gone int) bool { return h.bytesWithout(gone) <= half })
	h.evict(gone)
	return gone
}

// evict drops the oldest records, n of them.
func (h *history) evict(n int) {
	if n == h.len() && h.records.len() > 0 {
		h.clear()
		return
	}
	h.bytes = h.bytesWithout(n)
	h.left += n
	h.floor += uint64(n)
}

// clear drops everything. What is dropped as a whole need not be swept.
func (h *history) clear() {
	*h = history{
		limits: h.limits,
		floor:  h.floor + uint64(h.len()),
	}
}

// sweep clears the index of records that have left, of as many as have about that number of targets, and at least one.
// It answers how many bytes that were.
func (h *history) sweep(targets int) (bytes int64) {
	for ; targets > 0 && h.left > 0; h.left-- {
		rec := h.records.pop()
		bytes += rec.size
		targets -= len(rec.to)
		for _, t := range rec.to { // it is the oldest of each
			if t.Kind == ToPrefix {
				h.prefixes.pop(t.Name)
				continue
			}
			seqs := h.index.m[t]
			seqs.pop()
			if seqs.len() == 0 {
				h.index.remove(t)
			}
		}
	}
	return bytes
}

// firstTrue returns the lowest number of 0 to n for which is holds, or n; from there on it holds for all. It looks near 0
// first, where the answer mostly is.
func firstTrue(n int, is func(int) bool) int {
	low, high := 0, 0 // is does not hold below low
	for high < n && !is(high) {
		low, high = high+1, 2*high+1
	}
	high = min(high, n)
	return low + sort.Search(high-low, func(i int) bool { return is(low + i) })
}
