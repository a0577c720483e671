package publish

import (
	"context"
	"sync"
	"time"
)

// Door is a way by which messages come in: a closed set.
type Door uint8

// The doors.
const (
	DoorUnix Door = iota // the control socket
	DoorTCP              // the control port, with or without TLS
	DoorFIFO             // the named pipe
	DoorHTTP             // POST on a listener of the subscribers
	DoorAPI              // POST on the listener of operators

	doors = iota
)

var doorNames = [doors]string{"unix", "tcp", "fifo", "http", "api"}

// String returns the door's name in counters.
func (d Door) String() string { return doorNames[d] }

// Doors lists all of them.
func Doors() []Door { return []Door{DoorUnix, DoorTCP, DoorFIFO, DoorHTTP, DoorAPI} }

// Source is one publisher, such as a control connection. Goroutines may share it, and then share its
// pace; only messages that are published one after another keep their order.
type Source struct {
	door    Door
	closing <-chan struct{}
	shared  *sharedSource // that it is of; nil: none

	mu    sync.Mutex
	pacer pacer // guarded by mu
}

// NewSource returns a source at a door. Once closing is closed, messages of the source are no
// longer held to the pace: the door wants to be done with what has arrived. A nil channel never is.
func NewSource(door Door, closing <-chan struct{}) *Source {
	return &Source{door: door, closing: closing}
}

// next returns how long the next message has to wait for the pace, and counts it as let through.
func (s *Source) next(now time.Time, pace Pace, bytes int) time.Duration {
	if !pace.isBound() {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pacer.next(now, pace, bytes)
}

// tryNext counts the next message as let through, unless it has to wait.
func (s *Source) tryNext(now func() time.Time, pace Pace, bytes int) bool {
	if !pace.isBound() {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.pacer
	if s.pacer.next(now(), pace, bytes) == 0 {
		return true
	}
	s.pacer = before
	return false
}

// undoNext takes back next or tryNext: the message was not let through after all.
func (s *Source) undoNext(pace Pace, bytes int) {
	if !pace.isBound() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pacer.undo(pace, bytes)
}

// wait waits for d, and less if the door closes or the daemon stops. It reports whether the message
// may go on, which it may not once ctx has ended.
func (s *Source) wait(ctx context.Context, d time.Duration, ending <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.closing:
	case <-ending:
	case <-ctx.Done():
		return false
	}
	return true
}
