package admission

import (
	"time"

	"github.com/hassesd/hassesd/internal/list"
)

// Waiter is one handshake in a [HandshakeQueue], from Arrive to Leave.
type Waiter[T any] struct {
	Owner T

	state waiterState
	flow  *flow[T]
	since time.Duration        // when the handshake started to run
	node  list.Node[Waiter[T]] // in flow.running or flow.waiting
}

// Since returns when the handshake started to run; 0: it has not.
func (w *Waiter[T]) Since() time.Duration { return w.since }

type waiterState uint8

const (
	waiterOutside waiterState = iota // not in the queue
	waiterQueued                     // waits for a slot
	waiterRunning                    // holds a slot
	waiterEvicted                    // holds a slot, and has been told to end
)

// flow is the handshakes of one network in a [HandshakeQueue].
type flow[T any] struct {
	network   Network
	unbounded bool                 // the network may hold any number of slots
	slots     int                  // slots held, including those of evicted handshakes
	evicted   int                  // slots of evicted handshakes
	running   list.List[Waiter[T]] // oldest first
	waiting   list.List[Waiter[T]] // oldest first

	list *list.List[flow[T]] // active, throttled or nil
	node list.Node[flow[T]]  // in list

	rank   int                // number of running handshakes, an index into ranks; 0: in no list of ranks
	ranked list.Node[flow[T]] // in ranks[rank]
}

// start records that a waiter of the flow runs.
func (f *flow[T]) start(now time.Duration, w *Waiter[T]) {
	w.state, w.since = waiterRunning, now
	f.slots++
	f.running.Push(&w.node, w)
}
