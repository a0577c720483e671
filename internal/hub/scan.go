package hub

import (
	"sort"

	"github.com/hassesd/hassesd/internal/names"
)

// head is what is to come of the ordinals of one target in one generation.
type head struct{ ordinals ordinals }

func (h head) ordinal() uint64 { return h.ordinals[0] }

// replays are those of the streams of a shard. All of it is owned by the loop.
type replays struct {
	looked uint64 // places of the history that they have looked at
	heads  []head // scratch
	counts Replays
}

// Replays counts the streams of a shard that resumed, by what became of that.
type Replays struct {
	Complete  uint64 // the history had all that the client asked for, or the node gets it in a moment
	Gap       uint64 // it had not: the client was told of a gap
	Overtaken uint64 // the history dropped events before a slow client had got them: a gap, too
}

// scan visits the records behind a number that are for st, by its rooms alone, oldest first and
// each once, until visit returns false. It returns the number visit stopped at, or 0. scratch is
// room to work in, returned for the next time. The cost depends on the rooms of st and on what is
// visited, not on what else the history holds.
func (h *history) scan(st *Stream, after uint64, scratch []head, visit func(*record) bool) (uint64, []head) {
	from := h.ordinalAfter(after)
	if from == h.next() {
		return 0, scratch // most subscriptions begin with what comes next
	}
	if st.All() {
		for i := int(from - h.gone); i < h.len(); i++ {
			h.looked++
			if rec := h.at(i); !visit(rec) {
				return rec.seq, scratch
			}
		}
		return 0, scratch
	}
	heads := h.heads(st, from, scratch[:0])
	scratch = heads
	for len(heads) > 0 {
		if ordinal := heads[0].ordinal(); ordinal >= from {
			from = ordinal + 1
			h.looked++
			if rec := h.record(ordinal); !visit(rec) {
				return rec.seq, scratch
			}
		}
		heads = advance(heads)
	}
	return 0, scratch
}

// heads collects the ordinals, from one on, of every target that reaches st, as a heap with the
// lowest one first.
func (h *history) heads(st *Stream, from uint64, heads []head) []head {
	add := func(of *ordinals) {
		if of == nil {
			return
		}
		h.looked++
		all := *of
		next := sort.Search(len(all), func(i int) bool { return all[i] >= from })
		if next < len(all) {
			heads = append(heads, head{all[next:]})
		}
	}
	for _, g := range h.index {
		if g.last < from {
			continue
		}
		h.scans++
		add(g.targets[names.Everything])
		for m := range st.rooms {
			if m.group.kind != roomGroup {
				continue
			}
			h.looked++
			add(g.targets[names.Target{Kind: names.Room, Name: m.group.name}])
			h.looked += g.prefixes.along(m.group.name, func(n *prefixNode) {
				if n.scan != h.scans { // several rooms may begin so
					n.scan = h.scans
					add(&n.ordinals)
				}
			})
		}
	}
	for i := len(heads)/2 - 1; i >= 0; i-- {
		siftDown(heads, i)
	}
	return heads
}

// advance moves the first head of the heap to its next number and restores the order.
func advance(heads []head) []head {
	heads[0].ordinals = heads[0].ordinals[1:]
	if len(heads[0].ordinals) == 0 {
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
		if child+1 < len(heads) && heads[child+1].ordinal() < heads[child].ordinal() {
			child++
		}
		if heads[i].ordinal() <= heads[child].ordinal() {
			return
		}
		heads[i], heads[child] = heads[child], heads[i]
		i = child
	}
}
