package hub

import "sort"

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
	if after == h.floor+uint64(h.len()) {
		return 0, scratch // most subscriptions begin with what comes next
	}
	if st.All() {
		for i := int(after - h.floor); i < h.len(); i++ {
			h.looked++
			if rec := h.at(i); !visit(rec) {
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
			h.looked++
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
	add := func(seqs *fifo[uint64]) {
		h.looked++
		next := sort.Search(seqs.len(), func(i int) bool { return seqs.at(i) > after })
		if next < seqs.len() {
			heads = append(heads, head{seqs, next})
		}
	}
	if seqs := h.index.m[Target{Kind: ToAll}]; seqs != nil {
		add(seqs)
	}
	h.scans++
	for _, m := range st.memberships {
		if m.group.kind != roomGroup {
			continue
		}
		room := m.group.name
		if seqs := h.index.m[Target{Kind: ToRoom, Name: room}]; seqs != nil {
			add(seqs)
		}
		h.looked++
		h.looked += h.prefixes.along(room, func(n *prefixNode) {
			if n.scan != h.scans { // several rooms may begin so
				n.scan = h.scans
				add(&n.seqs)
			}
		})
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
