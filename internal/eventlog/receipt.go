package eventlog

import (
	"sync/atomic"

	"github.com/hassesd/hassesd/internal/sse"
)

// Receipt tells a publisher what became of a message at this node.
type Receipt struct {
	id      sse.ID
	final   latch // opened when Matched is final
	matched atomic.Int64
	settled func()       // set by Notify, before it counts down waiting
	waiting atomic.Int32 // a follower that has not called Expect, loops that have not finished, a Notify under way
	isDup   bool
}

// NewReceipt returns the receipt of the message of that id.
func NewReceipt(id sse.ID) *Receipt {
	r := &Receipt{id: id}
	r.waiting.Store(1) // until Expect
	return r
}

// NewDuplicateReceipt returns the receipt of a message that was appended before, with the same key.
// How many streams it was for is not known any more.
func NewDuplicateReceipt(id sse.ID) *Receipt {
	r := NewSettledReceipt(id, 0)
	r.isDup = true
	return r
}

// IsDuplicate reports whether the message was appended before, with the same key.
func (r *Receipt) IsDuplicate() bool { return r.isDup }

// NewSettledReceipt returns a receipt that is final: that of a message of an earlier start.
func NewSettledReceipt(id sse.ID, matched int) *Receipt {
	r := &Receipt{id: id}
	r.matched.Store(int64(matched))
	r.final.open()
	return r
}

// ID returns the id of the message.
func (r *Receipt) ID() sse.ID { return r.id }

// Done returns a channel that is closed when every event loop has put the message into the queues
// of its streams.
func (r *Receipt) Done() <-chan struct{} { return r.final.opened() }

// IsFinal reports whether the channel that Done returns is closed. It costs less than to ask the
// channel, which few receipts ever need.
func (r *Receipt) IsFinal() bool { return r.final.isOpen() }

// Matched returns the number of streams of this node that the message was for: subscribed when it
// came, not excepted, not being ended. It is final after Done.
func (r *Receipt) Matched() int { return int(r.matched.Load()) }

// Expect announces how many calls of Add will follow. The follower calls it once, before it hands
// the record on.
func (r *Receipt) Expect(loops int) {
	if r.waiting.Add(int32(loops)-1) == 0 {
		r.settle()
	}
}

// Add counts the streams of one event loop.
func (r *Receipt) Add(matched int) {
	r.matched.Add(int64(matched))
	r.countDown()
}

// Notify has fn called once Matched is final, on the goroutine that makes it so: an event loop, so
// fn must only signal. If Matched is final already, Notify returns false and does not call fn. It
// may be called once, by the publisher who appended the message.
func (r *Receipt) Notify(fn func()) bool {
	if r.waiting.Add(1) == 1 { // nothing was left to wait for
		return false
	}
	r.settled = fn
	r.countDown()
	return true
}

// countDown ends one wait. The last one makes the receipt final.
func (r *Receipt) countDown() {
	if r.waiting.Add(-1) == 0 {
		r.settle()
	}
}

func (r *Receipt) settle() {
	r.final.open()
	if r.settled != nil {
		r.settled()
	}
}
