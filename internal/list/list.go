// Package list links values into doubly linked lists through the values themselves, so that it allocates nothing and a
// value leaves its list in one step.
package list

import "iter"

// List is a list of values that each have a [Node] for it. The zero List is empty. It may be moved, but of two copies
// only one may be used. It is not safe for use by several goroutines.
type List[T any] struct {
	first, last *Node[T]
	n           int
}

// Node is a value's place in a list, and is a field of the value. It may be in one list at a time; a value that is in
// several has as many nodes. The zero Node is in none.
type Node[T any] struct {
	owner      *T // nil: it is in no list
	next, prev *Node[T]
}

// Len is how many values are in the list.
func (l *List[T]) Len() int { return l.n }

// First is the first value, nil in an empty list.
func (l *List[T]) First() *T {
	if l.first == nil {
		return nil
	}
	return l.first.owner
}

// Push puts owner, whose node n is and which is in no list by it, behind all others.
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

// PushFirst does the same before all others.
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

// Remove takes out the value whose node n is. It must be in this list.
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

// All goes through the values, the first one first. The list must not change meanwhile.
func (l *List[T]) All() iter.Seq[*T] {
	return func(yield func(*T) bool) {
		for n := l.first; n != nil; n = n.next {
			if !yield(n.owner) {
				return
			}
		}
	}
}
