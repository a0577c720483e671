package admission

import (
	"time"

	"github.com/hassesd/hassesd/internal/list"
)

const (
	// evictAfter is how long a handshake may run while others wait for its slot. A browser needs
	// two round trips. A client that sends half a ClientHello must not hold a slot until its
	// deadline.
	evictAfter = time.Second
	// evictFairly replaces evictAfter when the handshake belongs to the network with the most
	// running handshakes and the waiter to a network that would still have fewer.
	evictFairly = 250 * time.Millisecond
)

// HandshakeQueue shares out a fixed number of handshake slots. It serves networks in turn, those
// without a slot first, and bounds the slots of one network. It belongs to one event loop. After
// anything that may free a slot, the caller starts the waiters that Next returns until Next returns
// nil, and then ends those that NextEviction returns.
type HandshakeQueue[T any] struct {
	slots         int // in all
	perNetwork    int // for one network
	held          int // slots in use, including those of evicted handshakes
	evicted       int // slots that will be free soon
	flows         map[Network]*flow[T]
	active        list.List[flow[T]]   // flows with waiters that may have the next free slot
	throttled     list.List[flow[T]]   // flows with waiters and all the slots that one network may have
	activeWaiting int                  // waiters of active flows
	waiting       int                  // waiters of all flows
	ranks         []list.List[flow[T]] // flows by the number of their running handshakes
	top           int                  // index of the last rank with a flow in it, or 0
}

// NewHandshakeQueue returns a queue with that many slots, at most perNetwork of them for one
// network. Both are raised to 1.
func NewHandshakeQueue[T any](slots, perNetwork int) *HandshakeQueue[T] {
	q := &HandshakeQueue[T]{flows: make(map[Network]*flow[T])}
	q.SetSlots(slots, perNetwork)
	return q
}

// SetSlots changes the number of slots. Running handshakes keep theirs.
func (q *HandshakeQueue[T]) SetSlots(slots, perNetwork int) {
	q.slots, q.perNetwork = max(slots, 1), max(perNetwork, 1)
	for _, f := range q.flows {
		q.place(f)
	}
}

// Arrive adds a handshake and reports whether it has a slot at once. Otherwise it waits until Next
// returns it. With unbounded, its network may hold any number of slots.
func (q *HandshakeQueue[T]) Arrive(now time.Duration, w *Waiter[T], n Network, unbounded bool) bool {
	f := q.flows[n]
	if f == nil {
		f = &flow[T]{network: n}
		q.flows[n] = f
	}
	f.unbounded = unbounded
	w.flow = f
	if q.held < q.slots && q.mayHold(f) {
		q.start(now, w)
		return true
	}
	w.state = waiterQueued
	q.waiting++
	f.waiting.Push(&w.node, w)
	if f.list == &q.active {
		q.activeWaiting++
	}
	q.place(f)
	return false
}

// Leave removes a handshake, whether it waits, runs or was evicted.
func (q *HandshakeQueue[T]) Leave(w *Waiter[T]) {
	f := w.flow
	switch w.state {
	case waiterOutside:
		panic("admission: internal error: a waiter leaves twice")
	case waiterQueued:
		q.waiting--
		f.waiting.Remove(&w.node)
		if f.list == &q.active {
			q.activeWaiting--
		}
	case waiterRunning:
		q.stop(w)
		f.slots--
		q.held--
	case waiterEvicted:
		q.evicted--
		f.evicted--
		f.slots--
		q.held--
	}
	w.state, w.flow = waiterOutside, nil
	q.place(f)
	if f.slots == 0 && f.waiting.Len() == 0 {
		delete(q.flows, f.network)
	}
}

// Next gives a free slot to a waiter and returns it. It returns nil without a free slot or a waiter
// that may have one.
func (q *HandshakeQueue[T]) Next(now time.Duration) *Waiter[T] {
	f := q.active.First()
	if q.held >= q.slots || f == nil {
		return nil
	}
	w := f.waiting.First()
	f.waiting.Remove(&w.node)
	q.waiting--
	q.activeWaiting--
	q.start(now, w)
	if f.list == &q.active { // back to the end, behind the other networks
		q.active.Remove(&f.node)
		q.active.Push(&f.node, f)
	}
	return w
}

// NextEviction chooses a running handshake that must end in favour of a waiter. The caller ends it,
// and then calls Leave. Without one, due is when to ask again; 0 means never.
func (q *HandshakeQueue[T]) NextEviction(now time.Duration) (w *Waiter[T], due time.Duration) {
	if w, due = q.nextActiveEviction(now); w != nil {
		return w, 0
	}
	for f := range q.throttled.All() { // at most slots/perNetwork flows
		first := f.running.First()
		if f.evicted >= f.waiting.Len() || first == nil {
			continue
		}
		at := first.since + evictAfter
		if at <= now {
			q.markEvicted(first)
			return first, 0
		}
		if due == 0 || at < due {
			due = at
		}
	}
	return nil, due
}

// nextActiveEviction is NextEviction in favour of active flows, which can use any network's slot.
func (q *HandshakeQueue[T]) nextActiveEviction(now time.Duration) (*Waiter[T], time.Duration) {
	if q.held < q.slots || q.evicted >= q.activeWaiting || q.top == 0 {
		return nil, 0
	}
	most := q.ranks[q.top].First()
	w := most.running.First()
	patience := evictAfter
	if q.evicted < q.active.Len() && most.running.Len() > q.active.First().slots+1 {
		patience = evictFairly
	}
	if due := w.since + patience; due > now {
		return nil, due
	}
	q.markEvicted(w)
	return w, 0
}

// Running returns how many handshakes hold a slot.
func (q *HandshakeQueue[T]) Running() int { return q.held }

// Waiting returns how many handshakes wait for a slot.
func (q *HandshakeQueue[T]) Waiting() int { return q.waiting }

// Most returns the network with the most running handshakes, and their number.
func (q *HandshakeQueue[T]) Most() (n Network, running int) {
	if q.top == 0 {
		return Network{}, 0
	}
	return q.ranks[q.top].First().network, q.top
}

func (q *HandshakeQueue[T]) mayHold(f *flow[T]) bool { return f.unbounded || f.slots < q.perNetwork }

func (q *HandshakeQueue[T]) start(now time.Duration, w *Waiter[T]) {
	q.held++
	w.flow.start(now, w)
	q.rank(w.flow, +1)
	q.place(w.flow)
}

// markEvicted records that a running handshake has been told to end.
func (q *HandshakeQueue[T]) markEvicted(w *Waiter[T]) {
	q.stop(w)
	w.state = waiterEvicted
	q.evicted++
	w.flow.evicted++
}

// stop removes a handshake from the running ones. Its slot stays in use.
func (q *HandshakeQueue[T]) stop(w *Waiter[T]) {
	w.flow.running.Remove(&w.node)
	q.rank(w.flow, -1)
}

// rank moves a flow to another rank, up or down by one running handshake.
func (q *HandshakeQueue[T]) rank(f *flow[T], by int) {
	if f.rank > 0 {
		q.ranks[f.rank].Remove(&f.ranked)
	}
	f.rank += by
	for len(q.ranks) <= f.rank {
		q.ranks = append(q.ranks, list.List[flow[T]]{})
	}
	if f.rank > 0 {
		q.ranks[f.rank].Push(&f.ranked, f)
	}
	q.top = max(q.top, f.rank)
	for q.top > 0 && q.ranks[q.top].Len() == 0 {
		q.top--
	}
}

// place moves a flow to the list it belongs in: active, throttled or none.
func (q *HandshakeQueue[T]) place(f *flow[T]) {
	var to *list.List[flow[T]]
	switch {
	case f.waiting.Len() == 0:
	case q.mayHold(f):
		to = &q.active
	default:
		to = &q.throttled
	}
	if f.list == to {
		return
	}
	wasThrottled := f.list == &q.throttled
	if f.list != nil {
		if f.list == &q.active {
			q.activeWaiting -= f.waiting.Len()
		}
		f.list.Remove(&f.node)
	}
	f.list = to
	switch {
	case to == nil:
	case to == &q.active:
		q.activeWaiting += f.waiting.Len()
		if wasThrottled || f.slots > 0 {
			to.Push(&f.node, f)
		} else {
			to.PushFirst(&f.node, f) // a network that has had no turn comes first
		}
	default:
		to.Push(&f.node, f)
	}
}
