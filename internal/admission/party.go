package admission

import "github.com/hassesd/hassesd/internal/list"

// party is one network at a [Turnstile]: those of its handshakes that run, oldest first, and those that wait.
type party[T any] struct {
	network   Network
	unbounded bool // it may have any number of places
	held      int  // places it has
	ending    int  // of which so many were told to end
	running   list.List[Ticket[T]]
	waiting   list.List[Ticket[T]]

	list  *list.List[party[T]] // the ring, the parked, or nil
	place list.Node[party[T]]  // in list

	rank   int                 // its running handshakes, and with that the list of the ranks it is in; 0: none
	ranked list.Node[party[T]] // in that
}
