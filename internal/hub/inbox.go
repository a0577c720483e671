package hub

import "github.com/hassesd/hassesd/internal/eventlog"

// batchRecords is how many records a shard takes from its inbox at a time, so that a flood of small
// messages does not cost one lock each.
const batchRecords = 32

// delivery is a record on its way to a shard. The receipt is not part of the record, because the
// history keeps records much longer.
type delivery struct {
	rec     *record
	receipt *eventlog.Receipt // nil: the message was published at another node
}

// inbox holds what a shard has not taken yet. All of it is guarded by Hub.mu.
type inbox struct {
	wake     func()
	interest *interest // of the shard; may be read without the lock
	records  fifo[delivery]
	bytes    int64
	refused  bool // a message found no room here, and no record was taken since
}

// accepts reports whether there is room for size more bytes. An empty inbox takes any message, or a
// message over the bound in bytes would never be accepted.
func (b *inbox) accepts(size int64, maxEvents int, maxBytes int64) bool {
	n := b.records.len()
	return n == 0 || (n < maxEvents && b.bytes+size <= maxBytes)
}

func (b *inbox) push(d delivery) {
	b.records.push(d)
	b.bytes += d.rec.size
	if b.records.len() == 1 {
		b.wake()
	}
}

// take moves up to n records to dst.
func (b *inbox) take(dst []delivery, n int) []delivery {
	for ; n > 0 && b.records.len() > 0; n-- {
		d := b.records.pop()
		b.bytes -= d.rec.size
		dst = append(dst, d)
	}
	return dst
}
