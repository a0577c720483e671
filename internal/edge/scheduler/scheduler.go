// Package scheduler decides who may write next within a turn of the loop.
//
// Fan-out has two steps. The hub first puts frames into queues, and whoever gets some is scheduled
// here. Each turn then writes a bounded number of records, so that a huge fan-out never starves
// accepts or other rooms. What arrives meanwhile queues up and leaves with the same record: under
// load, events batch on their own.
package scheduler

// Priority is a queue. Within one, owners are visited in the order in which they were scheduled.
type Priority uint8

// The priorities.
const (
	None   Priority = iota // not scheduled
	High                   // the event went to few streams
	Normal                 // the event went to many, and little waits
	Low                    // the event went to many, and much waits, or the owner has had its share of this turn
)

// Budgets of a turn, in records. A write to a loopback socket costs 5 to 10 µs, so a turn spends 1
// to 2 ms on them.
const (
	Budget    = 192
	highShare = 128 // what High gets first
	lowShare  = 32  // what Normal leaves to Low
)

// Node is an owner's place in the queues, embedded by value in the owner. The zero Node is in none.
type Node[T any] struct {
	next, prev *T
	since      uint32 // position of the caller's stream of bytes at which the owner entered, modulo 2^32
	priority   Priority
}

// Priority returns the queue that the node is in.
func (n *Node[T]) Priority() Priority { return n.priority }

// Queues are the owners that have something to send. Owners of small events overtake those of large
// ones, and those for which little waits overtake those for which much does. It belongs to one
// loop.
type Queues[T any] struct {
	node              func(*T) *Node[T]
	high, normal, low queue[T]
}

// queue is a list of owners, linked by their nodes. It is package list's without a pointer to the
// owner in each node: an idle stream has one, too.
type queue[T any] struct {
	first, last *T
	n           int
}

// New returns empty queues; node returns the node of an owner.
func New[T any](node func(*T) *Node[T]) *Queues[T] { return &Queues[T]{node: node} }

// Schedule puts owner, whose node is n, into the queue of p. An owner that is already scheduled
// moves up, but not down. position is how many bytes of events the caller has taken in so far; see
// Backlog, which is below 2^32.
func (q *Queues[T]) Schedule(n *Node[T], owner *T, p Priority, position uint64) {
	if n.priority != None && n.priority <= p {
		return
	}
	if n.priority == None {
		n.since = uint32(position)
	}
	q.Cancel(n)
	n.priority = p
	to := q.of(p)
	n.prev = to.last
	if to.last == nil {
		to.first = owner
	} else {
		q.node(to.last).next = owner
	}
	to.last = owner
	to.n++
}

// Cancel takes the owner of n out of its queue, if it is in one.
func (q *Queues[T]) Cancel(n *Node[T]) {
	from := q.of(n.priority)
	if from == nil {
		return
	}
	if n.prev == nil {
		from.first = n.next
	} else {
		q.node(n.prev).next = n.next
	}
	if n.next == nil {
		from.last = n.prev
	} else {
		q.node(n.next).prev = n.prev
	}
	n.next, n.prev, n.priority = nil, nil, None
	from.n--
}

func (q *Queues[T]) of(p Priority) *queue[T] {
	switch p {
	case High:
		return &q.high
	case Normal:
		return &q.normal
	case Low:
		return &q.low
	case None:
	}
	return nil
}

// Len returns the number of owners in the queue of p.
func (q *Queues[T]) Len(p Priority) int {
	if l := q.of(p); l != nil {
		return l.n
	}
	return 0
}

// Waiting reports whether any owner is scheduled.
func (q *Queues[T]) Waiting() bool { return q.high.n+q.normal.n+q.low.n > 0 }

// Backlog returns how many bytes of events were taken in since the owner that has waited longest
// was scheduled.
func (q *Queues[T]) Backlog(position uint64) int {
	var most uint32
	for _, owner := range []*T{q.high.first, q.normal.first, q.low.first} {
		if owner != nil {
			most = max(most, uint32(position)-q.node(owner).since)
		}
	}
	return int(most)
}

// Run spends the turn's budget. visit must take the owner out of its queue, may schedule it again,
// and returns its cost in records, at least one.
func (q *Queues[T]) Run(visit func(*T) (records int)) {
	left := run(&q.high, Budget, Budget-highShare, visit)
	left = run(&q.normal, left, lowShare, visit)
	left = run(&q.low, left, 0, visit)
	run(&q.normal, left, 0, visit)
}

// run spends the budget on one queue, except for what it must keep, and returns what is left.
func run[T any](q *queue[T], budget, keep int, visit func(*T) int) (left int) {
	for budget > keep && q.first != nil {
		budget -= visit(q.first)
	}
	return budget
}
