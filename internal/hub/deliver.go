package hub

import "strings"

// fanout is a record on its way to the streams of a shard. It can rest between any two streams, while
// others subscribe and unsubscribe: members are walked from the last to the first, so that whoever is
// moved by a leaving member has been visited or will be; those who are met twice are recognised by
// Stream.seen.
type fanout struct {
	delivery     // rec is nil: none
	reach    int // no more than so many streams of this shard are met
	matched  int
	step     int    // the target being served; after the last one, the streams that listen to every room
	group    *group // being walked, or the last one walked of this step; nil: none yet
	next     int    // members before it are still to be visited
}

// Deliver moves messages from the inbox to the queues of the streams they are for, and reports whether there
// is more to do. It touches about budget streams, and begins no further message when it has begun those of
// the first bytes bytes. It may stop in the middle of a message; the next call goes on there.
func (s *Shard) Deliver(budget, bytes int) (more bool) {
	s.bound = int(s.hub.queueBytes.Load())
	s.policy = Policy(s.hub.slow.Load())
	until := s.delivered + uint64(max(bytes, 1))
	for budget > 0 {
		if s.fan.rec == nil {
			if s.delivered >= until {
				break
			}
			if !s.begin() {
				return false
			}
		}
		budget = s.walk(budget)
	}
	return s.Pending()
}

// Pending reports whether Deliver has something to do.
func (s *Shard) Pending() bool {
	if s.fan.rec != nil || s.taken < len(s.batch) {
		return true
	}
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	return s.inbox.records.len() > 0
}

// DeliveredBytes is the length of all events that have begun their way to the queues: by its growth a caller
// bounds how much is queued before it flushes.
func (s *Shard) DeliveredBytes() uint64 { return s.delivered }

// begin makes the next record the one on its way.
func (s *Shard) begin() bool {
	if s.taken == len(s.batch) {
		s.taken = 0
		s.hub.take(s)
		if len(s.batch) == 0 {
			return false
		}
	}
	d := s.batch[s.taken]
	s.batch[s.taken] = delivery{}
	s.taken++
	s.delivered += uint64(d.rec.frame.Len())
	s.fan = fanout{delivery: d, reach: s.reach(d.rec)}
	return true
}

// reach is an upper bound of the streams that rec is for, exact for a single room.
func (s *Shard) reach(rec *record) int {
	n := len(s.all.members)
	for _, t := range rec.to {
		switch t.Kind {
		case ToRoom:
			n += s.RoomCount(t.Name)
		case ToPrefix, ToAll:
			return s.Streams()
		}
	}
	return min(n, s.Streams())
}

// walk visits streams until the budget is spent or the record has reached all. It returns what is left
// of the budget; looking for the next group costs as much as a stream.
func (s *Shard) walk(budget int) int {
	f := &s.fan
	for budget > 0 {
		if f.group == nil || f.next == 0 {
			budget--
			if f.group = s.nextGroup(); f.group == nil {
				f.receipt.add(f.matched)
				*f = fanout{}
				return budget
			}
			f.next = len(f.group.members)
		}
		for f.next > 0 && budget > 0 {
			f.next = min(f.next, len(f.group.members)) - 1
			if f.next < 0 {
				f.next = 0
				break
			}
			budget--
			s.touch(f.group.members[f.next].st)
		}
	}
	return budget
}

// nextGroup returns the group to walk after f.group, or nil.
func (s *Shard) nextGroup() *group {
	f := &s.fan
	for ; f.step < len(f.rec.to); f.step++ {
		if g := s.groupOf(f.rec.to[f.step], f.group); g != nil {
			return g
		}
		f.group = nil
	}
	if f.step == len(f.rec.to) {
		f.step++
		return &s.all
	}
	return nil
}

// groupOf returns the group of the target that follows last, or the first if last is nil.
func (s *Shard) groupOf(t Target, last *group) *group {
	switch t.Kind {
	case ToRoom:
		if last == nil {
			return s.rooms.m[t.Name]
		}
	case ToPrefix:
		return s.roomAfter(t.Name, last)
	case ToAll:
		if last == nil {
			return &s.everyone
		}
	}
	return nil
}

// roomAfter returns the first room of the prefix, or the one that follows last by name.
func (s *Shard) roomAfter(prefix string, last *group) *group {
	pivot := prefix
	if last != nil {
		pivot = last.name
	}
	var found *group
	s.order.Ascend(pivot, func(name string, g *group) bool {
		if last != nil && name == last.name {
			return true
		}
		if strings.HasPrefix(name, prefix) {
			found = g
		}
		return false
	})
	return found
}

// touch gives the record on its way to a stream that one of its targets reaches.
func (s *Shard) touch(st *Stream) {
	f := &s.fan
	seq := f.rec.frame.Seq()
	if seq <= st.seen {
		return
	}
	st.seen = seq
	if f.rec.excepts(st.clientID) {
		return
	}
	switch st.phase {
	case live:
		f.matched++
		if seq > st.after {
			s.enqueue(st, f.rec)
		}
	case replaying:
		f.matched++ // the replay brings it
	case overflowed:
		s.dropped.Close++
	case unsubscribed:
		panic("hub: internal error: an unsubscribed stream is a member of a group")
	}
}

// enqueue appends rec to the queue of st, or applies the policy for slow streams.
func (s *Shard) enqueue(st *Stream, rec *record) {
	if size := rec.frame.Len(); st.queue.fits(size, s.bound) || s.makeRoom(st, rec, size) {
		st.queue.push(item{rec.frame, rec})
		s.queued += int64(size)
		s.fannedOut += uint64(size)
		st.Owner.Queued(st, s.fan.reach)
	}
}
