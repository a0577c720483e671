package hub

import (
	"strings"

	"github.com/hassesd/hassesd/internal/names"
)

// fanout is a record on its way to the streams of a shard. It can rest between any two streams, while
// others subscribe and unsubscribe: members are walked from the last to the first, so that whoever is
// moved by a leaving member has been visited or will be; those who are met twice are recognised by
// Stream.seen.
type fanout struct {
	delivery     // rec is nil: none
	reach    int // no more than so many streams of this shard are met
	matched  int
	step     int    // the target being served; after the last one, the streams that listen to every room
	room     *group // the last one found of the prefix that is being served; nil: none yet
	group    *group // being walked
	next     int    // members of it before this one are still to be visited
}

// Costs in streams that are touched, which take 60 ns each with nothing in the cache.
const (
	findCost = 1 // to find a room by its name, or the one behind it
	seekCost = 8 // to find the first room of a prefix
)

// Deliver moves messages from the inbox to the queues of the streams they are for, and reports whether there
// is more to do. It touches about budget streams, looking for them included, and begins no further message when it has
// begun those of the first bytes bytes. It may stop in the middle of a message; the next call goes on there.
func (s *Shard) Deliver(budget, bytes int) (more bool) {
	s.bound = int(s.hub.queueBytes.Load())
	s.policy = Policy(s.hub.slow.Load())
	s.sought = false // rooms have come and gone
	until := s.delivered + uint64(max(bytes, 1))
	for budget > 0 {
		if s.fan.rec == nil {
			if s.delivered >= until {
				break
			}
			if !s.begin() {
				return false
			}
			budget -= findCost * (len(s.fan.rec.to) - 1) // looked up for reach
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
		case names.Room:
			n += s.RoomCount(t.Name)
		case names.Prefix, names.All:
			return s.Streams()
		}
	}
	return min(n, s.Streams())
}

// walk visits streams until the budget is spent or the record has reached all. It returns what is left
// of the budget.
func (s *Shard) walk(budget int) int {
	f := &s.fan
	for budget > 0 {
		if f.next == 0 {
			if f.step > len(f.rec.to) {
				f.receipt.add(f.matched)
				*f = fanout{}
				return budget
			}
			budget -= s.nextGroup()
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

// nextGroup goes on to the next group of streams that may be for the record, or to the next of its targets, and answers
// what that cost.
func (s *Shard) nextGroup() (cost int) {
	f := &s.fan
	cost, f.group = findCost, &s.all // behind all targets
	if f.step < len(f.rec.to) {
		switch t := f.rec.to[f.step]; t.Kind {
		case names.Room:
			f.group = s.rooms.m[t.Name]
		case names.Prefix:
			f.room, cost = s.roomAfter(t.Name, f.room)
			f.group = f.room
		case names.All:
			f.group = &s.everyone
		}
	}
	if f.room == nil {
		f.step++
	}
	if f.group != nil {
		f.next = len(f.group.members)
	}
	return cost
}

// roomAfter returns the first room of the prefix, or the one that follows last by name; nil if there is none. Within one
// Deliver the rooms stay as they are, and the next one is found from the last.
func (s *Shard) roomAfter(prefix string, last *group) (room *group, cost int) {
	cost = findCost
	var found bool
	if last != nil && s.sought {
		found = s.sorted.Next()
	} else {
		cost, s.sought = seekCost, true
		pivot := prefix
		if last != nil {
			pivot = last.name
		}
		found = s.sorted.Seek(pivot)
		if found && last != nil && s.sorted.Key() == last.name {
			found = s.sorted.Next()
		}
	}
	if !found || !strings.HasPrefix(s.sorted.Key(), prefix) {
		return nil, cost
	}
	return s.sorted.Value(), cost
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
