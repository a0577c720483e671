package hub

import (
	"sync/atomic"

	"github.com/hassesd/hassesd/internal/sse"
)

// Receipt tells a publisher what became of a message.
type Receipt struct {
	id      sse.ID
	done    chan struct{}
	waiting atomic.Int32 // shards that have not finished
	matched atomic.Int64
}

func newReceipt(id sse.ID, shards int) *Receipt {
	r := &Receipt{id: id, done: make(chan struct{})}
	r.waiting.Store(int32(shards))
	if shards == 0 {
		close(r.done)
	}
	return r
}

// ID is the id of the message.
func (r *Receipt) ID() sse.ID { return r.id }

// Done is closed when every shard has put the message into the queues of its streams.
func (r *Receipt) Done() <-chan struct{} { return r.done }

// Matched is the number of streams the message was for: subscribed when it came, not excepted, not being
// ended. It is final after Done.
func (r *Receipt) Matched() int { return int(r.matched.Load()) }

// add is called once by each shard.
func (r *Receipt) add(matched int) {
	r.matched.Add(int64(matched))
	if r.waiting.Add(-1) == 0 {
		close(r.done)
	}
}
