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
	for i, b := range h.intake.inboxes {
		var bytes int64
		for j := range b.records.len() {
			bytes += b.records.at(j).rec.size
		}
		if bytes != b.bytes {
			return fmt.Errorf("inbox %d: holds %d bytes, counted %d", i, bytes, b.bytes)
		}
		refused = refused || b.refused
	}
	if h.intake.waiting != nil && !refused && !h.intake.isStarved() {
		return errors.New("a publisher waits for room that no loop will announce")
	}
	return nil
}

func (h *history) check(head uint64) error {
	if h.left < 0 || h.left > h.records.len() || (h.left > 0 && h.len() == 0) {
		return fmt.Errorf("%d of %d records have left", h.left, h.records.len())
	}
	newest := h.floor
	if n := h.len(); n > 0 {
		newest = h.at(n - 1).seq
	}
	if newest != head {
		return fmt.Errorf("ends at %d, newest message is %d", newest, head)
	}
	var bytes int64
	targets := 0
	for i := range h.records.len() {
		rec := h.records.at(i)
		if kept := i >= h.left; kept != (rec.seq > h.floor) {
			return fmt.Errorf("message %d is kept: %t, the floor is %d", rec.seq, kept, h.floor)
		}
		if i > 0 {
			before := h.records.at(i - 1)
			if rec.seq <= before.seq || rec.end != before.end+rec.size || rec.at < before.at {
				return fmt.Errorf("message %d does not follow the one before", rec.seq)
			}
		}
		if i < h.left {
			continue
		}
		bytes += rec.size
		targets += len(rec.to)
		for _, t := range rec.to {
			if !h.isIndexed(t, h.gone+uint64(i-h.left)) {
				return fmt.Errorf("message %d is not in the index of %s", rec.seq, t)
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
		err = fmt.Errorf("index holds %d ordinals, the messages have %d targets", indexed, targets)
	}
	return err
}

func (h *history) isIndexed(t names.Target, ordinal uint64) bool {
	for _, g := range h.index {
		if ordinal > g.last {
			continue
		}
		ordinals := g.of(t)
		if ordinals == nil {
			return false
		}
		_, found := slices.BinarySearch(*ordinals, ordinal)
		return found
	}
	return false
}

// checkIndex returns how many ordinals of messages that are kept the index holds.
func (h *history) checkIndex() (held int, err error) {
	before := h.gone
	for i, g := range h.index {
		if g.last < before {
			return 0, fmt.Errorf("generation %d of the index ends at %d and holds nothing", i, g.last)
		}
		before = g.last + 1
		for t, of := range g.targets {
			n, err := h.checkOrdinals(g, *of)
			if err != nil || len(*of) == 0 {
				return 0, fmt.Errorf("index of %s: %d ordinals: %w", t, len(*of), err)
			}
			held += n
		}
		n, err := g.prefixes.root.check(func(of ordinals) (int, error) { return h.checkOrdinals(g, of) })
		if err != nil {
			return 0, err
		}
		held += n
	}
	return held, nil
}

// checkOrdinals returns how many of the ordinals are of messages that are kept.
func (h *history) checkOrdinals(g *generation, all ordinals) (kept int, err error) {
	for i, ordinal := range all {
		if i > 0 && ordinal <= all[i-1] || ordinal > g.last {
			return 0, fmt.Errorf("ordinal %d is out of order", ordinal)
		}
		if ordinal >= h.gone {
			kept++
		}
	}
	return kept, nil
}

// check adds up what count finds in the nodes.
func (n *prefixNode) check(count func(ordinals) (int, error)) (held int, err error) {
	if n.label != "" && len(n.ordinals) == 0 && len(n.children) < 2 {
		return 0, fmt.Errorf("a node %q of the index of prefixes serves nothing", n.label)
	}
	if held, err = count(n.ordinals); err != nil {
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
	for _, g := range s.shared.m {
		groups = append(groups, g)
	}
	if err := s.checkInterest(); err != nil {
		return err
	}
	if err := s.checkIDs(); err != nil {
		return err
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
		members -= m.st.memberOf(s)
		queued += int64(m.st.queue.bytes)
	}
	if queued > s.backlog.queued {
		return fmt.Errorf("%d bytes are queued, counted %d", queued, s.backlog.queued)
	}
	if members != 0 {
		return fmt.Errorf("members and memberships differ by %d", members)
	}
	return nil
}

func (g *group) check() error {
	if len(g.members) == 0 && g.kind == roomGroup || len(g.members) < 2 && g.kind == idGroup {
		return fmt.Errorf("group %q has %d members and was not freed", g.name, len(g.members))
	}
	for pos, m := range g.members {
		if !m.st.isIn(g, m.slot) || *m.st.placeIn(g, m.slot) != int32(pos) {
			return fmt.Errorf("member %d of group %q does not know its place", pos, g.name)
		}
	}
	return nil
}

// isIn reports whether a member of g knows that it is one. slot is which of its rooms g is.
func (st *Stream) isIn(g *group, slot int32) bool {
	switch g.kind {
	case everyGroup:
		return st.isMember
	case idGroup:
		return st.clientID == g.name
	case allGroup, roomGroup:
	}
	for m := range st.rooms {
		if slot == 0 {
			return m.group == g
		}
		slot--
	}
	return false
}

// checkIDs compares the streams of client ids with the groups of those that are shared.
func (s *Shard) checkIDs() error {
	withID := 0
	for _, m := range s.everyone.members {
		if m.st.clientID != "" {
			withID++
		}
	}
	for id, st := range s.ids.m {
		if !st.isMember || st.clientID != id {
			return fmt.Errorf("client id %q is not that of its stream", id)
		}
		withID--
		if g, ok := s.shared.get(id); ok {
			withID -= len(g.members) - 1
		}
	}
	if withID != 0 {
		return fmt.Errorf("streams with a client id and those found by it differ by %d", withID)
	}
	return nil
}

// memberOf returns in how many groups of a shard the stream is.
func (st *Stream) memberOf(s *Shard) int {
	if _, ok := s.shared.get(st.clientID); !ok && st.clientID != "" {
		return st.Memberships() - 1
	}
	return st.Memberships()
}

func (st *Stream) check(s *Shard) error {
	if st.shard != s || st.phase == unsubscribed {
		return errors.New("a member is not subscribed here")
	}
	q := &st.queue
	bytes := -int(q.offset)
	last := uint64(0)
	for i := range int(q.n) {
		it := *q.at(i)
		bytes += it.frame.Len()
		if it.rec == nil {
			continue
		}
		if it.rec.seq <= last {
			return fmt.Errorf("message %d is queued after %d", it.rec.seq, last)
		}
		last = it.rec.seq
	}
	if bytes != q.bytes {
		return fmt.Errorf("a queue holds %d bytes, counted %d", bytes, q.bytes)
	}
	if int(q.n) > q.places() || (q.n == 0 && q.offset != 0) {
		return fmt.Errorf("a queue of %d places holds %d frames, %d bytes of the first sent", q.places(), q.n, q.offset)
	}
	if st.gap != nil && last == 0 {
		return errors.New("a gap is followed by no event")
	}
	return nil
}

// checkInterest compares the counters with the groups.
func (s *Shard) checkInterest() error {
	in := &s.interest
	if got := int(in.streams.Load()); got != s.Streams() {
		return fmt.Errorf("%d streams counted for publishers, there are %d", got, s.Streams())
	}
	if got := int(in.everywhere.Load()); got != len(s.all.members) {
		return fmt.Errorf("%d streams counted that listen to every room, there are %d", got, len(s.all.members))
	}
	want, members := make(map[uint16]int), 0
	for name, g := range s.rooms.m {
		want[hashRoom(s.hub.seed, name)] += len(g.members)
		members += len(g.members)
	}
	for room, want := range want {
		if got := int(in.rooms[room].Load()); got != want {
			return fmt.Errorf("%d members counted of the rooms of hash %d, there are %d", got, room, want)
		}
	}
	if in.members != members {
		return fmt.Errorf("%d members counted of all rooms, there are %d", in.members, members)
	}
	return nil
}
