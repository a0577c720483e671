package hub

import (
	"fmt"
	"slices"

	"github.com/hassesd/hassesd/internal/names"
)

// Policy is what happens to a stream whose socket takes nothing while its queue is full.
type Policy uint8

// The policies for slow streams.
const (
	Close      Policy = iota // the stream is ended; the client comes back and resumes from the history
	DropOldest               // the oldest queued events are dropped, and a hasses.gap says so
	Latest                   // only the newest queued event of each target is kept
)

var policyNames = [...]string{Close: "close", DropOldest: "drop-oldest", Latest: "latest"}

// ParsePolicy reads "close", "drop-oldest" or "latest".
func ParsePolicy(s string) (Policy, error) {
	for p, name := range policyNames {
		if s == name {
			return Policy(p), nil
		}
	}
	return Close, fmt.Errorf("unknown policy %q for slow clients: use close, drop-oldest or latest", s)
}

// String is the form that ParsePolicy reads.
func (p Policy) String() string {
	if int(p) < len(policyNames) {
		return policyNames[p]
	}
	return fmt.Sprintf("Policy(%d)", uint8(p))
}

// Dropped counts events that were not queued, or were taken out of a queue, by reason.
type Dropped struct {
	Close  uint64 // the stream was ended, or about to be, because its queue was full
	Oldest uint64 // the oldest of a full queue, announced by a hasses.gap
	Latest uint64 // a newer event of the same target took its place, or there was no room for all targets
}

// Bounds of the policy Latest. A queue that is full of different targets would be searched at each event
// if the policy made room for one event only; so it frees an eighth of long queues.
const (
	latestLong = 64 // items
	latestFree = 8  // one part in
	// latestWork is how many targets of messages that have several are looked at: about 5 ms. Whatever is older than those
	// messages is dropped.
	latestWork = 1 << 16
)

// makeRoom makes a full queue accept rec, or reports that the stream does not get it.
func (s *Shard) makeRoom(st *Stream, rec *record, size int) bool {
	if !st.Owner.Blocked(st) {
		return true // the loop is late, not the client
	}
	before := st.queue.bytes
	switch s.policy {
	case Close:
		s.dropped.Close++
		st.dropped++
		st.setPhase(overflowed)
		st.Owner.Overflow(st)
		return false
	case DropOldest:
		s.dropOldest(st, size)
	case Latest:
		s.keepNewest(st, rec, size)
	}
	s.queued += int64(st.queue.bytes - before)
	return true
}

// dropOldest drops whole events, the oldest first, until size bytes fit, and remembers the hole. What is
// already partly sent, and frames that are not events, stay.
func (s *Shard) dropOldest(st *Stream, size int) {
	q := &st.queue
	first := q.fixed()
	for q.n > first && !q.fits(size, s.bound) {
		st.lose(q.at(first).frame.Seq())
		q.drop(first)
		s.dropped.Oldest++
		st.dropped++
	}
}

// keepNewest drops the events of which every target that reaches st has a newer one, and then, if that
// is not enough, the oldest.
func (s *Shard) keepNewest(st *Stream, rec *record, size int) {
	q := &st.queue
	s.isNewest(st, rec)
	work := 0
	older := uint64(q.retain(q.fixed(), func(it item) bool {
		work += st.searched(it.rec)
		return work <= latestWork && s.isNewest(st, it.rec)
	}))
	s.dropped.Latest += older
	st.dropped += older
	if len(s.newest) > fifoKeep {
		s.newest = make(map[names.Target]struct{})
	} else {
		clear(s.newest)
	}

	bound := s.bound
	if q.n > latestLong {
		bound -= bound / latestFree
	}
	for first := q.fixed(); q.n > first && !q.fits(size, bound); {
		q.drop(first)
		s.dropped.Latest++
		st.dropped++
	}
}

// isNewest reports whether rec has a target that reaches st and was not seen before. It is asked about
// one record after the other, from the newest to the oldest.
func (s *Shard) isNewest(st *Stream, rec *record) bool {
	newest := false
	st.reachedBy(rec, func(t names.Target) {
		if _, seen := s.newest[t]; !seen {
			s.newest[t] = struct{}{}
			newest = true
		}
	})
	return newest
}

// searched is what reachedBy costs for a record with several targets; for others it is next to nothing.
func (st *Stream) searched(rec *record) int {
	switch {
	case len(rec.to) == 1:
		return 0
	case st.All():
		return len(rec.to)
	}
	return len(st.memberships)
}

// reachedBy calls visit for the targets of rec that are for st, one of which there is; some twice.
func (st *Stream) reachedBy(rec *record, visit func(names.Target)) {
	if len(rec.to) == 1 || st.All() {
		for _, t := range rec.to {
			visit(t)
		}
		return
	}
	first := firstPrefix(rec.to)
	rooms, prefixes := rec.to[:first], rec.to[first:]
	for _, m := range st.memberships {
		if m.group.kind != roomGroup {
			continue
		}
		if i, ok := slices.BinarySearchFunc(rooms, m.group.name, compareName); ok {
			visit(rooms[i])
		}
		if i, ok := prefixOf(prefixes, m.group.name); ok {
			visit(prefixes[i])
		}
	}
}
