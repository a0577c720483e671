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
	if got := h.floor + uint64(h.records.len()); got != head {
		return fmt.Errorf("ends at %d, newest message is %d", got, head)
	}
	var bytes int64
	count := make(map[Target]int)
	for i := range h.records.len() {
		rec := h.records.at(i)
		if want := h.floor + 1 + uint64(i); rec.frame.Seq() != want {
			return fmt.Errorf("record %d has number %d, not %d", i, rec.frame.Seq(), want)
		}
		bytes += rec.size
		for _, t := range rec.to {
			seqs, n := h.index.m[t], count[t]
			if seqs == nil || n >= seqs.len() || seqs.at(n) != rec.frame.Seq() {
				return fmt.Errorf("message %d is not in the index of %s", rec.frame.Seq(), t)
			}
			count[t]++
		}
	}
	if bytes != h.bytes {
		return fmt.Errorf("holds %d bytes, counted %d", bytes, h.bytes)
	}
	if h.records.len() > max(0, h.limits.Events) || h.bytes > max(0, h.limits.Bytes) {
		return fmt.Errorf("holds %d events of %d bytes, over the limits", h.records.len(), h.bytes)
	}
	return h.checkIndex(count)
}

func (h *history) checkIndex(count map[Target]int) error {
	prefixes, lengths := h.prefixes, 0
	for t, seqs := range h.index.m {
		if seqs.len() != count[t] || count[t] == 0 {
			return fmt.Errorf("index of %s holds %d numbers, not %d", t, seqs.len(), count[t])
		}
		if t.Kind == ToPrefix {
			prefixes[len(t.Name)]--
		}
	}
	for length, n := range prefixes {
		if n != 0 {
			return fmt.Errorf("prefixes of %d bytes are miscounted by %d", length, n)
		}
		if h.prefixes[length] > 0 {
			lengths++
		}
	}
	if lengths != len(h.lengths) {
		return fmt.Errorf("%d lengths of prefixes are listed, %d are in use", len(h.lengths), lengths)
	}
	return nil
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
