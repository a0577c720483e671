package server

import (
	"time"
)

// slotPatience is how long a new connection waits for a slot. Back ends of hasses' days connect for
// each message, faster than a busy machine starts to read: closing the surplus at that moment would
// lose messages that were sent, and the publisher would not hear of it.
const slotPatience = 2 * time.Second

// slots are those of one endpoint. Guarded by roster.mu.
type slots struct {
	taken int
	// isStuck: a connection has waited in vain, and no slot has been given back since. Nobody waits
	// then, so that connections that stay open for good make all others fail at once instead of one
	// after another.
	isStuck bool
	freed   chan struct{} // closed when a slot is given back; nil: nobody waits
}

// wait returns what is closed when a slot is given back.
func (s *slots) wait() <-chan struct{} {
	if s.freed == nil {
		s.freed = make(chan struct{})
	}
	return s.freed
}

// release gives one slot back.
func (s *slots) release() {
	s.taken--
	s.isStuck = false
	if s.freed != nil {
		close(s.freed)
		s.freed = nil
	}
}
