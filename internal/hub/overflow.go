package hub

import "github.com/hassesd/hassesd/internal/names"

// Bounds of the policy Latest. A queue that is full of different targets would be searched at each
// event if the policy made room for one event only; so it frees an eighth of long queues.
const (
	latestLong = 64 // items
	latestFree = 8  // one part in
	// latestWork is how many targets of messages that have several are looked at: about 5 ms.
	// Whatever is older than those messages is dropped.
	latestWork = 1 << 16
)

// backlog is what waits in the queues of a shard's streams, and what happens when one of them is
// full. All of it is owned by the loop.
type backlog struct {
	bound     int // of each queue, in bytes; refreshed by Deliver
	policy    Policy
	queued    int64  // bytes in the queues of all streams that were not released
	fannedOut uint64 // bytes that were put into queues
	sent      uint64 // events that were popped whole
	dropped   Dropped
	newest    map[names.Target]struct{} // scratch of the policy Latest
}

func newBacklog() backlog { return backlog{newest: make(map[names.Target]struct{})} }

// enqueue appends rec to the queue of st, or applies the policy for slow streams. recipients is for
// Owner.Queued.
func (b *backlog) enqueue(st *Stream, rec *record, recipients int) {
	if size := rec.frame.Len(); st.queue.fits(size, b.bound) || b.makeRoom(st, rec, size) {
		st.queue.push(item{rec.frame, rec})
		b.queued += int64(size)
		b.fannedOut += uint64(size)
		st.Owner.Queued(st, recipients)
	}
}

// makeRoom makes room for rec in a full queue, as the policy demands. It reports whether the stream
// gets rec.
func (b *backlog) makeRoom(st *Stream, rec *record, size int) bool {
	if !st.Owner.Blocked(st) {
		return true // the loop is late, not the client
	}
	before := st.queue.bytes
	switch b.policy {
	case Close:
		b.dropped.Close++
		st.dropped++
		st.setPhase(overflowed)
		st.Owner.Overflow(st)
		return false
	case DropOldest:
		b.dropOldest(st, size)
	case Latest:
		b.keepNewest(st, rec, size)
	}
	b.queued += int64(st.queue.bytes - before)
	return true
}

// dropOldest drops whole events, the oldest first, until size bytes fit, and remembers the gap.
// What is already partly sent, and frames that are not events, stay.
func (b *backlog) dropOldest(st *Stream, size int) {
	q := &st.queue
	first := q.fixed()
	for int(q.n) > first && !q.fits(size, b.bound) {
		st.lose(q.at(first).rec.seq)
		q.drop(first)
		b.dropped.Oldest++
		st.dropped++
	}
}

// lose notes that the event of that number was dropped. It is the oldest one that is not partly
// sent.
func (st *Stream) lose(seq uint64) {
	if st.gap == nil {
		st.gap = &gap{from: st.last}
		if first := st.queue.at(0); st.queue.offset > 0 && first.rec != nil {
			st.gap.from = first.rec.seq
		}
	}
	st.gap.to = seq
}

// keepNewest drops the events of which every target that reaches st has a newer one, and then, if
// that is not enough, the oldest.
func (b *backlog) keepNewest(st *Stream, rec *record, size int) {
	q := &st.queue
	if !rec.isMark() { // which is for everybody, but replaces no message
		b.isNewest(st, rec)
	}
	work, hasMark, marks := 0, false, 0
	removed := q.retain(q.fixed(), func(it item) bool {
		if it.rec.isMark() { // the newest one stays: it tells of a gap, which the policy must not hide
			if hasMark {
				marks++
				return false
			}
			hasMark = true
			return true
		}
		work += st.searched(it.rec)
		return work <= latestWork && b.isNewest(st, it.rec)
	})
	b.dropped.Latest += uint64(removed - marks)
	st.dropped += uint32(removed - marks)
	if len(b.newest) > fifoKeep {
		b.newest = make(map[names.Target]struct{})
	} else {
		clear(b.newest)
	}

	bound := b.bound
	if q.n > latestLong {
		bound -= bound / latestFree
	}
	for first := q.fixed(); int(q.n) > first && !q.fits(size, bound); {
		if q.at(first).rec.isMark() {
			first++
			continue
		}
		q.drop(first)
		b.dropped.Latest++
		st.dropped++
	}
}

// isNewest reports whether rec has a target that reaches st and was not seen before. It is called
// for one record after the other, from the newest to the oldest.
func (b *backlog) isNewest(st *Stream, rec *record) bool {
	newest := false
	st.reachedBy(rec, func(t names.Target) {
		if _, seen := b.newest[t]; !seen {
			b.newest[t] = struct{}{}
			newest = true
		}
	})
	return newest
}

// searched returns what reachedBy costs for a record with several targets; for others it is next to
// nothing.
func (st *Stream) searched(rec *record) int {
	switch {
	case len(rec.to) == 1:
		return 0
	case st.All():
		return len(rec.to)
	}
	return st.Memberships()
}

// reachedBy calls visit for the targets of rec that are for st, one of which there is; some twice.
func (st *Stream) reachedBy(rec *record, visit func(names.Target)) {
	if len(rec.to) == 1 || st.All() {
		for _, t := range rec.to {
			visit(t)
		}
		return
	}
	rooms, prefixes := rec.to.Split()
	for m := range st.rooms {
		if m.group.kind != roomGroup {
			continue
		}
		if i, ok := rooms.Find(m.group.name); ok {
			visit(rooms[i])
		}
		if i, ok := prefixes.PrefixOf(m.group.name); ok {
			visit(prefixes[i])
		}
	}
}
