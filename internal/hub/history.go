package hub

import (
	"slices"
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
// Records are kept without holes: the i-th has the number floor+1+i.
type history struct {
	limits  HistoryLimits
	records fifo[*record]
	bytes   int64
	floor   uint64 // the highest number that is not kept, or not any more
	index   table[Target, *fifo[uint64]]

	prefixes [MaxRoom + 1]int // how many different prefixes of each length the index holds
	lengths  []int            // the lengths that are not 0 in prefixes, ascending
}

// append adds the newest record and drops what it displaces.
func (h *history) append(now time.Time, rec *record) {
	if h.limits.off() {
		h.floor = rec.frame.Seq()
		return
	}
	h.records.push(rec)
	h.bytes += rec.size
	for _, t := range rec.to {
		seqs := h.index.m[t]
		if seqs == nil {
			seqs = new(fifo[uint64])
			h.index.put(t, seqs)
			h.countPrefix(t, 1)
		}
		seqs.push(rec.frame.Seq())
	}
	h.trim(now)
}

// trim drops the oldest records until the limits are kept.
func (h *history) trim(now time.Time) {
	if h.limits.off() {
		h.clear()
		return
	}
	for h.records.len() > 0 && h.over(now) {
		h.evict()
	}
}

func (h *history) over(now time.Time) bool {
	return h.records.len() > h.limits.Events || h.bytes > h.limits.Bytes ||
		now.Sub(h.records.at(0).at) > h.limits.Age
}

// evict drops the oldest record, which is also the oldest of each of its targets.
func (h *history) evict() {
	rec := h.records.pop()
	h.floor = rec.frame.Seq()
	h.bytes -= rec.size
	for _, t := range rec.to {
		seqs := h.index.m[t]
		seqs.pop()
		if seqs.len() == 0 {
			h.index.remove(t)
			h.countPrefix(t, -1)
		}
	}
}

// halve drops the oldest records until half of the bytes are left, and answers how many.
func (h *history) halve() int {
	n := h.records.len()
	for half := h.bytes / 2; h.bytes > half; {
		h.evict()
	}
	return n - h.records.len()
}

func (h *history) clear() {
	*h = history{
		limits: h.limits,
		floor:  h.floor + uint64(h.records.len()),
	}
}

// countPrefix keeps lengths up to date when a target enters or leaves the index.
func (h *history) countPrefix(t Target, n int) {
	if t.Kind != ToPrefix {
		return
	}
	length := len(t.Name)
	h.prefixes[length] += n
	at, known := slices.BinarySearch(h.lengths, length)
	switch {
	case h.prefixes[length] == 0:
		h.lengths = slices.Delete(h.lengths, at, at+1)
	case !known:
		h.lengths = slices.Insert(h.lengths, at, length)
	}
}

// record returns the kept record of that number.
func (h *history) record(seq uint64) *record { return h.records.at(int(seq - h.floor - 1)) }

// head is a place in the numbers of one target.
type head struct {
	seqs *fifo[uint64]
	next int
}

func (h head) seq() uint64 { return h.seqs.at(h.next) }

// scan visits the records after a number that are for st, by its rooms alone, oldest first and each
// once, until visit returns false. It returns the number visit stopped at, or 0. scratch is room to work
// in, returned for the next time. The cost depends on the rooms of st and on what is visited, not on
// what else the history holds.
func (h *history) scan(st *Stream, after uint64, scratch []head, visit func(*record) bool) (uint64, []head) {
	after = max(after, h.floor)
	if st.All() {
		for i := int(after - h.floor); i < h.records.len(); i++ {
			if rec := h.records.at(i); !visit(rec) {
				return rec.frame.Seq(), scratch
			}
		}
		return 0, scratch
	}
	heads := h.heads(st, after, scratch[:0])
	scratch = heads
	for len(heads) > 0 {
		seq := heads[0].seq()
		if seq > after {
			after = seq
			if !visit(h.record(seq)) {
				return seq, scratch
			}
		}
		heads = advance(heads)
	}
	return 0, scratch
}

// heads collects the places just after a number in the numbers of every target that reaches st, as a
// heap with the lowest number first.
func (h *history) heads(st *Stream, after uint64, heads []head) []head {
	add := func(t Target) {
		seqs := h.index.m[t]
		if seqs == nil {
			return
		}
		next := sort.Search(seqs.len(), func(i int) bool { return seqs.at(i) > after })
		if next < seqs.len() {
			heads = append(heads, head{seqs, next})
		}
	}
	add(Target{Kind: ToAll})
	for _, m := range st.memberships {
		if m.group.kind != roomGroup {
			continue
		}
		room := m.group.name
		add(Target{Kind: ToRoom, Name: room})
		for _, length := range h.lengths {
			if length > len(room) {
				break
			}
			add(Target{Kind: ToPrefix, Name: room[:length]})
		}
	}
	for i := len(heads)/2 - 1; i >= 0; i-- {
		siftDown(heads, i)
	}
	return heads
}

// advance moves the first head of the heap to its next number and restores the order.
func advance(heads []head) []head {
	heads[0].next++
	if heads[0].next == heads[0].seqs.len() {
		last := len(heads) - 1
		heads[0] = heads[last]
		heads = heads[:last]
	}
	siftDown(heads, 0)
	return heads
}

func siftDown(heads []head, i int) {
	for {
		child := 2*i + 1
		if child >= len(heads) {
			return
		}
		if child+1 < len(heads) && heads[child+1].seq() < heads[child].seq() {
			child++
		}
		if heads[i].seq() <= heads[child].seq() {
			return
		}
		heads[i], heads[child] = heads[child], heads[i]
		i = child
	}
}
