package hub

// intake decides whether there is room for another message, and keeps the inboxes. All of it is
// guarded by Hub.mu.
type intake struct {
	// Fixed after creation.
	maxEvents int // that may wait in one inbox
	maxBytes  int64
	starved   func() // nil: credit is without bound

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
func (in *intake) push(d delivery, to *hashes) {
	in.credit -= d.rec.size
	var few [64]*inbox // of most machines; append moves to the heap beyond
	concerned := few[:0]
	for _, b := range in.inboxes {
		if b.interest.has(to) {
			concerned = append(concerned, b)
		}
	}
	if d.receipt != nil {
		d.receipt.Expect(len(concerned))
	}
	for _, b := range concerned {
		b.push(d)
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
