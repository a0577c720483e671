package hub

import (
	"errors"
	"fmt"
	"slices"

	"github.com/hassesd/hassesd/internal/names"
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
	targets := 0
	for i := range h.records.len() {
		rec := h.records.at(i)
		if want := h.floor + 1 + uint64(i) - uint64(h.left); rec.frame.Seq() != want {
			return fmt.Errorf("record %d has number %d, not %d", i, rec.frame.Seq(), want)
		}
		if i > 0 {
			before := h.records.at(i - 1)
			if rec.end != before.end+rec.size || rec.at < before.at {
				return fmt.Errorf("message %d does not follow the one before", rec.frame.Seq())
			}
		}
		if i < h.left {
			continue
		}
		bytes += rec.size
		targets += len(rec.to)
		for _, t := range rec.to {
			if !h.isIndexed(t, rec.frame.Seq()) {
				return fmt.Errorf("message %d is not in the index of %s", rec.frame.Seq(), t)
			}
		}
	}
	if bytes != h.bytes {
		return fmt.Errorf("holds %d bytes, counted %d", bytes, h.bytes)
	}
	if h.len() > max(0, h.limits.Events) || h.bytes > max(0, h.limits.Bytes) {
		return fmt.Errorf("holds %d events of %d bytes, over the limits", h.len(), h.bytes)
	}
	indexed, err := h.checkIndex()
	if err == nil && indexed != targets {
		err = fmt.Errorf("index holds %d numbers, the messages have %d targets", indexed, targets)
	}
	return err
}

func (h *history) isIndexed(t names.Target, seq uint64) bool {
	for _, g := range h.index {
		if seq > g.last {
			continue
		}
		seqs := g.of(t)
		if seqs == nil {
			return false
		}
		_, found := slices.BinarySearch(*seqs, seq)
		return found
	}
	return false
}

// checkIndex returns how many numbers of messages that are kept the index holds.
func (h *history) checkIndex() (held int, err error) {
	before := h.floor
	for i, g := range h.index {
		if g.last <= before {
			return 0, fmt.Errorf("generation %d of the index ends at %d and holds nothing", i, g.last)
		}
		before = g.last
		for t, seqs := range g.targets {
			n, err := h.checkNumbers(g, *seqs)
			if err != nil || len(*seqs) == 0 {
				return 0, fmt.Errorf("index of %s: %d numbers: %w", t, len(*seqs), err)
			}
			held += n
		}
		n, err := g.prefixes.root.check(func(seqs numbers) (int, error) { return h.checkNumbers(g, seqs) })
		if err != nil {
			return 0, err
		}
		held += n
	}
	return held, nil
}

// checkNumbers returns how many of the numbers are of messages that are kept.
func (h *history) checkNumbers(g *generation, seqs numbers) (kept int, err error) {
	for i, seq := range seqs {
		if i > 0 && seq <= seqs[i-1] || seq > g.last {
			return 0, fmt.Errorf("number %d is out of order", seq)
		}
		if seq > h.floor {
			kept++
		}
	}
	return kept, nil
}

// check adds up what count finds in the nodes.
func (n *prefixNode) check(count func(numbers) (int, error)) (held int, err error) {
	if n.label != "" && len(n.seqs) == 0 && len(n.children) < 2 {
		return 0, fmt.Errorf("a node %q of the index of prefixes serves nothing", n.label)
	}
	if held, err = count(n.seqs); err != nil {
		return 0, fmt.Errorf("index of prefixes that end in %q: %w", n.label, err)
	}
	for i, c := range n.children {
		if c.label == "" || n.first[i] != c.label[0] || n.child(c.label[0]) != i {
			return 0, fmt.Errorf("index of prefixes does not find what goes on with %q", c.label)
		}
		below, err := c.check(count)
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
