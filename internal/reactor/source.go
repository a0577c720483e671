package reactor

import (
	"fmt"
	"sync/atomic"
)

// Handler is called on its loop when something happened to its descriptor. An edge-triggered source
// reports each change once, so its handler must read or write until ErrWouldBlock, or call
// [Source.Again]. A handler may close its own source and others.
type Handler interface {
	HandleEvents(ev Events)
}

// Source is a descriptor watched by a loop. Its owner embeds it by value. The zero value is ready
// for [Loop.Add]. A source must not be copied while open.
type Source struct {
	// Fixed while open.
	loop    *Loop
	handler Handler
	token   Token

	// Written by the loop, read by Read and Write on any goroutine.
	fd atomic.Int32 // -1 after Close

	// Owned by the loop.
	state sourceState
	again bool // in the loop's list of sources to call again
}

// sourceState is the state of a source.
type sourceState uint8

const (
	// sourceClosed: not yet added, or closed. The loop has no reference to it.
	sourceClosed sourceState = iota
	// sourceEdge: watched for every change.
	sourceEdge
	// sourceLevel: watched for being readable.
	sourceLevel
	// sourcePaused: not watched, for now or because that has failed.
	sourcePaused
)

// Add watches fd, which must be non-blocking, for reading, writing and hang-up, edge-triggered. The
// source owns fd unless Add returns an error.
func (l *Loop) Add(s *Source, fd int, h Handler) error {
	return l.add(s, fd, h, EdgeBoth, sourceEdge)
}

// AddLevel watches fd, which must be non-blocking, for reading, level-triggered. The source owns fd
// unless AddLevel returns an error.
func (l *Loop) AddLevel(s *Source, fd int, h Handler) error {
	return l.add(s, fd, h, LevelRead, sourceLevel)
}

func (l *Loop) add(s *Source, fd int, h Handler, interest Interest, state sourceState) error {
	l.owner.check()
	if s.state != sourceClosed {
		panic("reactor: internal error: source added twice")
	}
	if l.ended {
		return ErrStopped
	}
	token := l.sources.place(s)
	if err := l.poller.Add(fd, interest, token); err != nil {
		l.sources.free(token)
		return fmt.Errorf("watch descriptor %d: %w", fd, err)
	}
	s.loop, s.handler, s.token = l, h, token
	s.state, s.again = state, false
	s.fd.Store(int32(fd))
	return nil
}

// FD returns the descriptor, or -1 when the source is not open.
func (s *Source) FD() int {
	if s.loop == nil {
		return -1
	}
	return int(s.fd.Load())
}

// Read reads available bytes. It returns ErrWouldBlock if there are none, and io.EOF at the end.
// Any goroutine may call it while the source is open.
func (s *Source) Read(p []byte) (int, error) {
	fd := s.FD()
	if fd < 0 {
		return 0, ErrClosed
	}
	return s.loop.poller.Read(fd, p)
}

// Write writes as much of p as there is room for, or returns ErrWouldBlock. A short write without
// an error is normal. Any goroutine may call it while the source is open.
func (s *Source) Write(p []byte) (int, error) {
	fd := s.FD()
	if fd < 0 {
		return 0, ErrClosed
	}
	return s.loop.poller.Write(fd, p)
}

// CloseWrite shuts down the sending direction.
func (s *Source) CloseWrite() error {
	fd := s.FD()
	if fd < 0 {
		return ErrClosed
	}
	return s.loop.poller.CloseWrite(fd)
}

// Again makes the loop call HandleEvents(Readable) in the next turn, without an event. It is for
// handlers that stop before ErrWouldBlock to let others have a turn.
func (s *Source) Again() {
	if s.state == sourceClosed {
		return
	}
	s.loop.owner.check()
	if !s.again {
		s.again = true
		s.loop.again = append(s.loop.again, s.token)
	}
}

// Recheck makes the loop report again what the descriptor of an edge-triggered source is ready for,
// as if it had just been added. It is for handlers that stop before ErrWouldBlock, and must not be
// called again unless there is more. With an error, the source gets no more events.
func (s *Source) Recheck() error {
	if s.state != sourceEdge {
		return nil
	}
	l := s.loop
	l.owner.check()
	l.unwatch(s)
	token := l.sources.place(s)
	s.token, s.again = token, false
	if err := l.poller.Add(s.FD(), EdgeBoth, token); err != nil {
		l.sources.free(token)
		s.state = sourcePaused
		return fmt.Errorf("watch descriptor %d: %w", s.FD(), err)
	}
	return nil
}

// Pause stops the events of a level-triggered source until Resume.
func (s *Source) Pause() {
	if s.state != sourceLevel {
		return
	}
	l := s.loop
	l.owner.check()
	// Remove it instead of clearing its interest: the kernel keeps reporting hang-ups and errors of
	// a descriptor without interest.
	l.unwatch(s)
	s.state = sourcePaused
}

// Resume undoes Pause. With an error, the source stays paused.
func (s *Source) Resume() error {
	if s.state != sourcePaused {
		return nil
	}
	l := s.loop
	l.owner.check()
	token := l.sources.place(s)
	if err := l.poller.Add(s.FD(), LevelRead, token); err != nil {
		l.sources.free(token)
		return fmt.Errorf("watch descriptor %d: %w", s.FD(), err)
	}
	s.token, s.again, s.state = token, false, sourceLevel
	return nil
}

// Abort is Close, but sends a reset to the peer and drops what the kernel still had to send, which
// frees its memory at once.
func (s *Source) Abort() {
	if s.state == sourceClosed {
		return
	}
	// If this fails, the close is an ordinary one.
	_ = s.loop.poller.Abortive(s.FD())
	s.Close()
}

// Close stops the watch at once: no event follows. The loop closes the descriptor at the end of the
// turn. A closed source may be added again. Closing it twice does nothing.
func (s *Source) Close() {
	if s.state == sourceClosed {
		return
	}
	l := s.loop
	l.owner.check()
	if s.state != sourcePaused {
		l.unwatch(s)
	}
	s.state = sourceClosed
	fd := int(s.fd.Swap(-1))
	s.handler = nil
	if l.ended {
		l.closeDescriptor(fd)
		return
	}
	l.closing = append(l.closing, int32(fd))
}

// unwatch removes s from the poller and from the table, so that events already on their way find
// nothing.
func (l *Loop) unwatch(s *Source) {
	l.sources.free(s.token)
	if l.ended {
		return
	}
	if err := l.poller.Remove(s.FD()); err != nil {
		// Other code closed the descriptor, so the number may belong to anything.
		panic(fmt.Sprintf("reactor: internal error: descriptor %d lost: %v", s.FD(), err))
	}
}

// BoundSend bounds how much the kernel buffers for sending, for a socket whose listener could not
// pass the bound on; see [Listener.BoundSend].
func (s *Source) BoundSend(bytes int) error {
	fd := s.FD()
	if fd < 0 {
		return ErrClosed
	}
	return s.loop.poller.BoundSend(fd, bytes)
}

// Unsent returns how many written bytes the peer has not acknowledged.
func (s *Source) Unsent() (int, error) {
	fd := s.FD()
	if fd < 0 {
		return 0, ErrClosed
	}
	return s.loop.poller.Unsent(fd)
}

// AckNow acknowledges received data at once, instead of up to 40 ms later together with data to
// send. A peer without TCP_NODELAY sends no small packet until its data is acknowledged.
func (s *Source) AckNow() error {
	fd := s.FD()
	if fd < 0 {
		return ErrClosed
	}
	return s.loop.poller.AckNow(fd)
}

// table finds the source of an event. Slots are reused and generations are not, so that the token
// of a closed source finds nothing.
type table struct {
	sources     []*Source
	generations []uint32 // of each slot
	unused      []int32  // free slots
	generation  uint32
}

// place puts s into a free slot.
func (t *table) place(s *Source) Token {
	t.generation++
	if n := len(t.unused); n > 0 {
		slot := t.unused[n-1]
		t.unused = t.unused[:n-1]
		t.sources[slot], t.generations[slot] = s, t.generation
		return Token{Slot: slot, Generation: t.generation}
	}
	t.sources = append(t.sources, s)
	t.generations = append(t.generations, t.generation)
	return Token{Slot: int32(len(t.sources) - 1), Generation: t.generation}
}

// find returns the source of a token, or nil if it is gone.
func (t *table) find(token Token) *Source {
	if int(token.Slot) >= len(t.sources) || t.generations[token.Slot] != token.Generation {
		return nil
	}
	return t.sources[token.Slot]
}

// free frees the slot of a token.
func (t *table) free(token Token) {
	if t.find(token) == nil {
		panic("reactor: internal error: slot freed twice")
	}
	t.sources[token.Slot] = nil
	t.unused = append(t.unused, token.Slot)
}

// open returns the number of slots in use.
func (t *table) open() int { return len(t.sources) - len(t.unused) }
