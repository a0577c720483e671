package hub

import (
	"errors"
	"fmt"
)

// Check compares the counters of the hub with its structures. It is for tests and for diagnosis; it
// takes time in proportion to the history.
func (h *Hub) Check() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.history.check(h.seq); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	refused := false
	for i, s := range h.shards {
		var bytes int64
		for j := range s.inbox.records.len() {
			bytes += s.inbox.records.at(j).rec.size
		}
		if bytes != s.inbox.bytes {
			return fmt.Errorf("inbox %d: holds %d bytes, counted %d", i, bytes, s.inbox.bytes)
		}
		refused = refused || s.inbox.refused
	}
	if h.space != nil && !refused && !h.isStarved() {
		return errors.New("somebody waits for space that nobody will announce")
	}
	return nil
}

func (h *history) check(head uint64) error {
	if h.left < 0 || h.left > h.records.len() || (h.left > 0 && h.len() == 0) {
		return fmt.Errorf("%d of %d records have left", h.left, h.records.len())
	}
	if got := h.floor + uint64(h.len()); got != head {
		return fmt.Errorf("ends at %d, newest message is %d", got, head)
	}
	var bytes int64
	count := make(map[Target]int)
	for i := range h.records.len() {
		rec := h.records.at(i)
		if want := h.floor + 1 + uint64(i) - uint64(h.left); rec.frame.Seq() != want {
			return fmt.Errorf("record %d has number %d, not %d", i, rec.frame.Seq(), want)
		}
		if i >= h.left {
			bytes += rec.size
		}
		if i > 0 {
			before := h.records.at(i - 1)
			if rec.end != before.end+rec.size || rec.at.Before(before.at) {
				return fmt.Errorf("message %d does not follow the one before", rec.frame.Seq())
			}
		}
		for _, t := range rec.to {
			seqs, n := h.numbers(t), count[t]
			if seqs == nil || n >= seqs.len() || seqs.at(n) != rec.frame.Seq() {
				return fmt.Errorf("message %d is not in the index of %s", rec.frame.Seq(), t)
			}
			count[t]++
		}
	}
	if bytes != h.bytes {
		return fmt.Errorf("holds %d bytes, counted %d", bytes, h.bytes)
	}
	if h.len() > max(0, h.limits.Events) || h.bytes > max(0, h.limits.Bytes) {
		return fmt.Errorf("holds %d events of %d bytes, over the limits", h.len(), h.bytes)
	}
	return h.checkIndex(count)
}

func (h *history) numbers(t Target) *fifo[uint64] {
	if t.Kind != ToPrefix {
		return h.index.m[t]
	}
	if n := h.prefixes.find(t.Name); n != nil {
		return &n.seqs
	}
	return nil
}

func (h *history) checkIndex(count map[Target]int) error {
	for t, seqs := range h.index.m {
		if seqs.len() != count[t] || count[t] == 0 {
			return fmt.Errorf("index of %s holds %d numbers, not %d", t, seqs.len(), count[t])
		}
		delete(count, t)
	}
	held, err := h.prefixes.root.check("", count)
	if err != nil {
		return err
	}
	if held != len(count) || held != h.prefixes.n {
		return fmt.Errorf("%d prefixes are in the index, %d are counted, %d messages were sent to", held, h.prefixes.n, len(count))
	}
	return nil
}

// check returns how many prefixes hold numbers; count says how many each.
func (n *prefixNode) check(prefix string, count map[Target]int) (held int, err error) {
	prefix += n.label
	t := Target{Kind: ToPrefix, Name: prefix}
	if n.seqs.len() != count[t] {
		return 0, fmt.Errorf("index of %s holds %d numbers, not %d", t, n.seqs.len(), count[t])
	}
	if n.seqs.len() > 0 {
		held++
	}
	if prefix != "" && n.seqs.len() == 0 && len(n.children) < 2 {
		return 0, fmt.Errorf("index has a node for %s that serves nothing", t)
	}
	for i, c := range n.children {
		if c.label == "" || n.first[i] != c.label[0] || n.child(c.label[0]) != i {
			return 0, fmt.Errorf("index of %s does not find what begins with %q", t, c.label)
		}
		below, err := c.check(prefix, count)
		if err != nil {
			return 0, err
		}
		held += below
	}
	return held, nil
}

// Check compares the counters of the shard and of its streams with their structures.
func (s *Shard) Check() error {
	if s.rooms.len() != s.order.Len() {
		return fmt.Errorf("%d rooms, %d of them sorted", s.rooms.len(), s.order.Len())
	}
	groups := []*group{&s.everyone, &s.all}
	for name, g := range s.rooms.m {
		if sorted, ok := s.order.Get(name); !ok || sorted != g {
			return fmt.Errorf("room %q is not in the sorted index", name)
		}
		groups = append(groups, g)
	}
	for _, g := range s.ids.m {
		groups = append(groups, g)
	}
	members, queued := 0, int64(0)
	for _, g := range groups {
		if err := g.check(); err != nil {
			return err
		}
		members += len(g.members)
	}
	for _, m := range s.everyone.members {
		if err := m.st.check(s); err != nil {
			return err
		}
		members -= len(m.st.memberships)
		queued += int64(m.st.queue.bytes)
	}
	if queued > s.queued {
		return fmt.Errorf("%d bytes are queued, counted %d", queued, s.queued)
	}
	if members != 0 {
		return fmt.Errorf("members and memberships differ by %d", members)
	}
	return nil
}

func (g *group) check() error {
	if len(g.members) == 0 && (g.kind == roomGroup || g.kind == idGroup) {
		return fmt.Errorf("group %q is empty and was not freed", g.name)
	}
	for pos, m := range g.members {
		if m.slot >= len(m.st.memberships) || m.st.memberships[m.slot] != (membership{g, pos}) {
			return fmt.Errorf("member %d of group %q does not know its place", pos, g.name)
		}
	}
	return nil
}

func (st *Stream) check(s *Shard) error {
	if st.shard != s || st.phase == unsubscribed {
		return errors.New("a member is not subscribed here")
	}
	q := &st.queue
	bytes := -int(q.offset)
	last := uint64(0)
	for i := range q.n {
		it := *q.at(i)
		bytes += it.frame.Len()
		if it.rec == nil {
			continue
		}
		if it.frame.Seq() <= last {
			return fmt.Errorf("message %d is queued after %d", it.frame.Seq(), last)
		}
		last = it.frame.Seq()
	}
	if bytes != q.bytes {
		return fmt.Errorf("a queue holds %d bytes, counted %d", bytes, q.bytes)
	}
	if q.n > 1+len(q.ring) || (q.n == 0 && q.offset != 0) {
		return fmt.Errorf("a queue of %d places holds %d frames, %d bytes of the first sent", 1+len(q.ring), q.n, q.offset)
	}
	if st.hole != nil && last == 0 {
		return errors.New("a hole is followed by no event")
	}
	return nil
}
