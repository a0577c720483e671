// Package scheduler decides who may write next within a turn of the loop.
//
// Fan-out has two steps. The hub first puts frames into queues, and whoever gets some is scheduled
// here. Each turn then writes a bounded number of records, so that a huge fan-out never starves
// accepts or other rooms. What arrives meanwhile queues up and leaves with the same record: under
// load, events batch on their own.
package scheduler

import "github.com/hassesd/hassesd/internal/list"

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
	place    list.Node[T]
	since    uint64 // position of the caller's stream of bytes at which the owner entered
	priority Priority
}

// Priority returns the queue that the node is in.
func (n *Node[T]) Priority() Priority { return n.priority }

// Queues are the owners that have something to send. Owners of small events overtake those of large
// ones, and those for which little waits overtake those for which much does. It belongs to one
// loop.
type Queues[T any] struct {
	node              func(*T) *Node[T]
	high, normal, low list.List[T]
}

// New returns empty queues; node returns the node of an owner.
func New[T any](node func(*T) *Node[T]) *Queues[T] { return &Queues[T]{node: node} }

// Schedule puts owner, whose node is n, into the queue of p. An owner that is already scheduled
// moves up, but not down. position is how many bytes of events the caller has taken in so far; see
// Backlog.
func (q *Queues[T]) Schedule(n *Node[T], owner *T, p Priority, position uint64) {
	if n.priority != None && n.priority <= p {
		return
	}
	if n.priority == None {
		n.since = position
	}
	q.Cancel(n)
	n.priority = p
	q.of(p).Push(&n.place, owner)
}

// Cancel takes the owner of n out of its queue, if it is in one.
func (q *Queues[T]) Cancel(n *Node[T]) {
	if l := q.of(n.priority); l != nil {
		l.Remove(&n.place)
		n.priority = None
	}
}

func (q *Queues[T]) of(p Priority) *list.List[T] {
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
		return l.Len()
	}
	return 0
}

// Waiting reports whether any owner is scheduled.
func (q *Queues[T]) Waiting() bool { return q.high.Len()+q.normal.Len()+q.low.Len() > 0 }

// Backlog returns how many bytes of events were taken in since the owner that has waited longest
// was scheduled.
func (q *Queues[T]) Backlog(position uint64) int {
	oldest := position
	for _, owner := range []*T{q.high.First(), q.normal.First(), q.low.First()} {
		if owner != nil {
			oldest = min(oldest, q.node(owner).since)
		}
	}
	return int(position - oldest)
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
func run[T any](l *list.List[T], budget, keep int, visit func(*T) int) (left int) {
	for budget > keep && l.First() != nil {
		budget -= visit(l.First())
	}
	return budget
}
