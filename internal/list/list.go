// Package list implements doubly linked lists whose nodes are fields of the values. So a list
// allocates nothing, and removing a value takes constant time.
package list

import "iter"

// List is a list of values that have a [Node] field for it. The zero List is empty. A list may be
// moved, but only one copy may be used. It is not safe for concurrent use.
type List[T any] struct {
	first, last *Node[T]
	n           int
}

// Node links a value into a list, and is a field of the value. A node is in at most one list at a
// time. A value in several lists has several nodes. The zero Node is in no list.
type Node[T any] struct {
	owner      *T // nil: in no list
	next, prev *Node[T]
}

// Len returns the number of values in the list.
func (l *List[T]) Len() int { return l.n }

// First returns the first value, or nil if the list is empty.
func (l *List[T]) First() *T {
	if l.first == nil {
		return nil
	}
	return l.first.owner
}

// Push appends owner. n is its node, which must be in no list.
func (l *List[T]) Push(n *Node[T], owner *T) {
	n.enter(owner)
	n.prev = l.last
	if l.last == nil {
		l.first = n
	} else {
		l.last.next = n
	}
	l.last = n
	l.n++
}

// PushFirst inserts owner before all others. n is its node, which must be in no list.
func (l *List[T]) PushFirst(n *Node[T], owner *T) {
	n.enter(owner)
	n.next = l.first
	if l.first == nil {
		l.last = n
	} else {
		l.first.prev = n
	}
	l.first = n
	l.n++
}

func (n *Node[T]) enter(owner *T) {
	if n.owner != nil {
		panic("list: internal error: a node enters a second list")
	}
	n.owner = owner
}

// Remove removes the value whose node is n. It must be in this list.
func (l *List[T]) Remove(n *Node[T]) {
	if n.owner == nil {
		panic("list: internal error: a node leaves a list that it is not in")
	}
	if n.prev == nil {
		l.first = n.next
	} else {
		n.prev.next = n.next
	}
	if n.next == nil {
		l.last = n.prev
	} else {
		n.next.prev = n.prev
	}
	*n = Node[T]{}
	l.n--
}

// All iterates over the values from first to last. The list must not change meanwhile.
func (l *List[T]) All() iter.Seq[*T] {
	return func(yield func(*T) bool) {
		for n := l.first; n != nil; n = n.next {
			if !yield(n.owner) {
				return
			}
		}
	}
}
