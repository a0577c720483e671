package hub

import (
	"sort"
	"time"
)

// history keeps the newest records, and for each target the ordinals of those that were sent to it,
// so that a replay never looks at what is not for its rooms. All of it is guarded by Hub.mu.
//
// The numbers of records ascend and may have gaps. Their ordinals have none, so that the record of
// an ordinal is found without a search. Others wait for the lock, so it is never held for as long
// as a burst takes to leave: however many records leave together, that only moves the floor.
// Sweeping removes them afterwards, a bounded number at a time, and their index is given back a
// generation at a time, as a whole.
type history struct {
	limits  HistoryLimits
	records fifo[*record] // in front those that have left and are not swept away yet
	left    int           // how many these are
	gone    uint64        // how many have left in all: the ordinal of the oldest record that is kept
	bytes   int64         // the size of those that are kept
	total   int64         // the size of all that came, see record.end
	floor   uint64        // the highest number that is not kept, or not any more
	index   []*generation // the oldest first; each holds records that are kept
	start   time.Time     // from which the times of records count: shortly before the first one
	looked  uint64        // places that scans have looked at
	scans   uint64        // how often heads were collected
}

// len returns how many records are kept.
func (h *history) len() int { return h.records.len() - h.left }

// at returns the i-th record that is kept, 0 being the oldest.
func (h *history) at(i int) *record { return h.records.at(h.left + i) }

// record returns the kept record of that ordinal.
func (h *history) record(ordinal uint64) *record { return h.at(int(ordinal - h.gone)) }

// next returns the ordinal that the next record will get.
func (h *history) next() uint64 { return h.gone + uint64(h.len()) }

// ordinalAfter returns the ordinal of the first kept record with a higher number than seq, or next.
func (h *history) ordinalAfter(seq uint64) uint64 {
	if seq <= h.floor {
		return h.gone
	}
	// Where the numbers have no gaps, which is the usual case, the number gives the index.
	n, dense := h.len(), seq-h.floor
	if dense <= uint64(n) && h.at(int(dense)-1).seq == seq {
		return h.gone + dense
	}
	return h.gone + uint64(sort.Search(n, func(i int) bool { return h.at(i).seq > seq }))
}

// append adds the newest record, which was published that long ago, and drops what it displaces.
func (h *history) append(now time.Time, age time.Duration, rec *record) {
	if h.start.IsZero() {
		h.start = now
	}
	since := h.since(now)
	rec.at = since - age
	if h.limits.off() {
		h.floor = rec.seq
		return
	}
	if n := h.len(); n > 0 { // two publishers may have asked the clock in one order, and for the lock in the other
		rec.at = max(rec.at, h.at(n-1).at)
	}
	h.total += rec.size
	h.bytes += rec.size
	rec.end = h.total
	ordinal := h.next()
	h.records.push(rec)
	if n := len(h.index); n == 0 || h.index[n-1].isFull(h.limits, rec.at) {
		h.index = append(h.index, newGeneration(rec.at))
	}
	var before *generation
	if n := len(h.index); n > 1 {
		before = h.index[n-2]
	}
	h.index[len(h.index)-1].add(rec, ordinal, before)
	h.keepLimits(since)
}

// since returns now as the times of records count.
func (h *history) since(now time.Time) time.Duration { return max(0, now.Sub(h.start)) }

// trim drops what is too old, and whatever else is over the limits.
func (h *history) trim(now time.Time) {
	if h.limits.off() {
		h.clear()
		return
	}
	h.keepLimits(h.since(now))
}

// keepLimits drops the oldest records until the limits are kept, at a time since start. Dropping all
// of them takes as long as dropping one.
func (h *history) keepLimits(now time.Duration) {
	from := now - h.limits.Age
	h.evict(firstTrue(h.len(), func(gone int) bool { return h.fits(gone, from) }))
}

// fits reports whether the limits are kept without the oldest records, so many of them; from is how
// old records may be.
func (h *history) fits(gone int, from time.Duration) bool {
	n := h.len() - gone
	return n <= h.limits.Events && h.bytesWithout(gone) <= h.limits.Bytes &&
		(n == 0 || h.at(gone).at >= from)
}

func (h *history) bytesWithout(gone int) int64 {
	if gone == 0 {
		return h.bytes
	}
	return h.total - h.at(gone-1).end
}

// halve drops the oldest records until half of the bytes are left, and returns how many.
func (h *history) halve() int {
	half := h.bytes / 2
	gone := firstTrue(h.len(), func(gone int) bool { return h.bytesWithout(gone) <= half })
	h.evict(gone)
	return gone
}

// evict drops the oldest records, n of them.
func (h *history) evict(n int) {
	if n == h.len() {
		h.clear()
		return
	}
	if n == 0 {
		return
	}
	h.bytes = h.bytesWithout(n)
	h.floor = h.at(n - 1).seq
	h.left += n
	h.gone += uint64(n)
	over := 0
	for h.index[over].last < h.gone {
		over++
	}
	clear(h.index[:over])
	h.index = h.index[over:]
}

// clear drops everything. What is dropped as a whole need not be swept.
func (h *history) clear() {
	floor := h.floor
	if n := h.len(); n > 0 {
		floor = h.at(n - 1).seq
	}
	*h = history{limits: h.limits, floor: floor, start: h.start}
}

// sweepRecords is how many records one hold of the lock sweeps away: about 0.1 ms.
const sweepRecords = 16 << 10

// sweep lets go of records that have left, of a bounded number.
func (h *history) sweep() {
	for n := min(h.left, sweepRecords); n > 0; n-- {
		h.records.pop()
		h.left--
	}
}

// firstTrue returns the lowest number of 0 to n for which is holds, or n; from there on it holds
// for all. It looks near 0 first, because the result mostly is there.
func firstTrue(n int, is func(int) bool) int {
	low, high := 0, 0 // is does not hold below low
	for high < n && !is(high) {
		low, high = high+1, 2*high+1
	}
	high = min(high, n)
	return low + sort.Search(high-low, func(i int) bool { return is(low + i) })
}
