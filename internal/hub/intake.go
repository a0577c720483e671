package hub

import "hash/maphash"

// intake decides whether there is room for another message, and keeps the inboxes. All of it is
// guarded by Hub.mu.
type intake struct {
	// Fixed after creation.
	maxEvents int // that may wait in one inbox
	maxBytes  int64
	starved   func() // nil: credit is without bound
	seed      maphash.Seed

	inboxes []*inbox
	credit  int64         // bytes that may still be published; unused without starved
	waiting chan struct{} // not nil: a message was refused and no room was made since; closed then
}

// hasRoom reports whether every inbox has room for size bytes and credit is left. If not, it notes
// that a publisher waits.
func (in *intake) hasRoom(size int64) bool {
	busy := in.isStarved()
	if busy {
		in.starved()
	}
	for _, b := range in.inboxes {
		if !b.accepts(size, in.maxEvents, in.maxBytes) {
			b.refused, busy = true, true
		}
	}
	if busy && in.waiting == nil {
		in.waiting = make(chan struct{})
	}
	return !busy
}

func (in *intake) isStarved() bool { return in.starved != nil && in.credit <= 0 }

// push puts a delivery into the inbox of every shard that may have streams for it.
func (in *intake) push(d delivery) {
	in.credit -= d.rec.size
	to := hashes{unbounded: true}
	if len(in.inboxes) > 1 {
		to = hash(in.seed, d.rec.to)
	}
	concerned, n := uint64(0), 0 // one bit each for the first 64 shards; the others are always concerned
	for i, b := range in.inboxes {
		if i >= 64 || b.interest.has(&to) {
			concerned |= 1 << i
			n++
		}
	}
	if d.receipt != nil {
		d.receipt.Expect(n)
	}
	for i, b := range in.inboxes {
		if i >= 64 || concerned&(1<<i) != 0 {
			b.push(d)
		}
	}
}

// take moves the next records of an inbox to dst, and wakes publishers who wait for room in it.
func (in *intake) take(b *inbox, dst []delivery) []delivery {
	dst = b.take(dst, batchRecords)
	if b.refused && len(dst) > 0 {
		b.refused = false
		in.announce()
	}
	return dst
}

// space returns a channel that is closed when there is room again after hasRoom was false; at once
// if there is already.
func (in *intake) space() <-chan struct{} {
	if in.waiting != nil {
		return in.waiting
	}
	ready := make(chan struct{})
	close(ready)
	return ready
}

// announce wakes all who wait for space. Another inbox may have done so already.
func (in *intake) announce() {
	if in.waiting != nil {
		close(in.waiting)
		in.waiting = nil
	}
}
