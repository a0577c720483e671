package bench

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// stream is one subscription of a worker. All of it belongs to the worker's loop; while it is
// dialling, a goroutine has its request and nothing else.
type stream struct {
	l     *streamLoop // fixed
	room  int         // fixed
	slow  bool        // fixed: reads nothing behind the head until the end of the run
	group *group      // fixed: with whom it shares connections; nil: with nobody, over HTTP/1.1

	state   state
	link    *link  // over HTTP/1.1; nil while it has none
	on      *mux   // the connection that its request was sent on, over HTTP/2; nil: none
	id      uint32 // of the stream on it
	unread  int    // bytes of its window that were not given back
	held    []byte // what came and is not read, as the stream is slow
	heldEnd error  // what came behind that; nil: nothing
	reader  reader
	track   tracker
	begun   time.Time // the attempt to open it
	since   int64     // when it was open, in nanoseconds since 1970
	tries   int       // attempts that failed in a row
	behind  bool      // the loop waits for it to have all messages
	ignored bool      // it leaves what comes in the socket
}

// state is the life of a stream.
type state uint8

const (
	// stateClosed: it has no connection, and no part in the run until it is opened.
	stateClosed state = iota
	// stateQueued: it waits for its turn to dial.
	stateQueued
	// stateDialling: a goroutine connects.
	stateDialling
	// stateAsking: the request is sent, the answer's head is not complete.
	stateAsking
	// stateOpen: messages come.
	stateOpen
)

func (s *stream) setState(to state) {
	switch s.state {
	case stateDialling, stateAsking:
		s.l.openings.end(s)
	case stateOpen:
		if !s.slow {
			s.l.counts.leave(s.room, s.track.next)
		}
	case stateClosed, stateQueued:
	}
	s.state = to
	switch to {
	case stateDialling, stateAsking:
		s.l.openings.begin(s)
	case stateOpen:
		if !s.slow {
			s.l.counts.join(s.room)
		}
	case stateClosed:
		s.held, s.heldEnd = nil, nil
	case stateQueued:
	}
}

// tally returns where what happens to s is counted.
func (s *stream) tally() *tally { return s.l.counts.of(s.slow) }

// connected takes what a goroutine has dialled.
func (s *stream) connected(c call) {
	s.startReader()
	k, err := s.l.open(c, s)
	if err != nil {
		s.fail(err)
		return
	}
	s.link = k
	s.setState(stateAsking)
	k.resume()
}

// startReader makes ready for an answer.
func (s *stream) startReader() {
	keep := s.reader.lastID
	s.reader = reader{form: &s.l.form, keepID: s.l.o.Scenario == Storm, lastID: keep}
}

// reads implements linkUser.
func (s *stream) reads(k *link) bool {
	return s.link == k && (s.state == stateAsking || s.state == stateOpen) && !s.ignored
}

// counted implements linkUser.
func (s *stream) counted(n int) { s.tally().Bytes += uint64(n) }

// broke implements linkUser.
func (s *stream) broke(err error) { s.ended(err) }

// disconnect leaves the connection, if there is one.
func (s *stream) disconnect() {
	if s.link != nil {
		s.link.Close()
		s.link = nil
	}
	if s.on != nil {
		s.on.leave(s)
	}
}

// consume implements linkUser: it reads p, which came at now.
func (s *stream) consume(p []byte, now int64) {
	for len(p) > 0 {
		rest, what, err := s.reader.next(p)
		p = rest
		if err != nil {
			s.tally().Broken++
			s.ended(err)
			return
		}
		switch what {
		case foundNothing:
		case foundHead:
			if s.reader.status != 200 {
				s.fail(fmt.Errorf("the server answered with status %d", s.reader.status))
				return
			}
			s.opened(now)
		case foundEvent:
			s.receive(s.reader.event, now)
		case foundEnd:
			s.ended(io.EOF)
			return
		}
	}
}

func (s *stream) opened(now int64) {
	s.since, s.tries = now, 0
	s.tally().Opened++
	s.l.counts.connects.record(now - s.begun.UnixNano())
	s.setState(stateOpen)
	s.ignored = s.slow && !s.l.thawed
}

// receive counts one event.
func (s *stream) receive(e event, now int64) {
	t := s.tally()
	switch e.kind {
	case foreign:
		t.Foreign++
		return
	case gap:
		t.Gaps++
		return
	case broken:
		t.Broken++
		return
	case ours:
	}
	m := e.message
	if int(m.room) != s.room {
		t.Broken++
		return
	}
	first := s.track.next
	v, passed := s.track.receive(m.seq)
	switch v {
	case late:
		t.Lost--
		t.Disordered++
	case double:
		t.Doubles++
		return
	case fresh:
		t.Lost += passed
	}
	t.Received++
	if !s.slow {
		s.l.counts.received(m, v, first, s.since, now)
		s.l.received(s)
	}
}

// ended is called when a connection ends that we did not end.
func (s *stream) ended(err error) {
	if s.state == stateAsking {
		if errors.Is(err, io.EOF) {
			err = errors.New("the server closed the connection without an answer")
		}
		s.fail(err)
		return
	}
	t := s.tally()
	if !s.reader.isWhole() {
		if !s.slow { // a server that has waited long enough for one may cut it off anywhere
			t.Broken++
		}
		if errors.Is(err, io.EOF) {
			err = errors.New("the stream was cut off")
		}
	}
	s.disconnect()
	s.setState(stateClosed)
	if s.l.reopens() {
		t.OpenErrors++
		s.l.retry(s, err)
		return
	}
	t.Closed++
	s.l.forget(s)
	t.note(fmt.Errorf("the server ended the stream: %w", err))
}

// fail ends an attempt to open s.
func (s *stream) fail(err error) {
	s.tally().OpenErrors++
	s.disconnect()
	s.setState(stateClosed)
	s.l.retry(s, err)
}

// cut ends the connection from our side, as a client does that is gone.
func (s *stream) cut() {
	s.tally().Cut++
	s.disconnect()
	s.setState(stateClosed)
}

// cutOff is called when an answer over HTTP/2 ends that we did not end: with [io.EOF] properly. A
// slow stream sees it when it reads again.
func (s *stream) cutOff(err error) {
	if s.ignored {
		s.heldEnd = err
		return
	}
	s.ended(err)
}

// thaw reads what a slow stream has left unread so far.
func (s *stream) thaw() {
	if s.group == nil {
		s.link.Again()
		return
	}
	held, end := s.held, s.heldEnd
	s.held, s.heldEnd = nil, nil
	if s.on != nil {
		s.on.giveBack(s, streamWindow) // from now on it has a window like others
	}
	s.consume(held, time.Now().UnixNano())
	if end != nil && s.state == stateOpen {
		s.ended(end)
	}
}
