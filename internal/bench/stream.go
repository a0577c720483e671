package bench

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/hassesd/hassesd/internal/reactor"
)

// stream is one subscription of a worker. All of it belongs to the worker's loop; while it is
// dialling, a goroutine has its request and nothing else.
type stream struct {
	reactor.Source
	l    *streamLoop // fixed
	room int         // fixed
	slow bool        // fixed: reads nothing behind the head until the end of the run

	state   state
	tls     *tls.Conn // nil without TLS
	wire    *wire
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
		s.tls, s.wire = nil, nil
	case stateQueued:
	}
}

// tally returns where what happens to s is counted.
func (s *stream) tally() *tally { return s.l.counts.of(s.slow) }

// connected takes what a goroutine has dialled.
func (s *stream) connected(c call) {
	s.tls, s.wire = c.tls, c.wire
	if s.wire != nil {
		s.wire.out = s.Write
	}
	keep := s.reader.lastID
	s.reader = reader{form: &s.l.form, keepID: s.l.o.Scenario == Storm, lastID: keep}
	if err := s.l.loop.Add(&s.Source, c.fd, s); err != nil {
		closeFD(c.fd)
		s.fail(err)
		return
	}
	s.setState(stateAsking)
	if s.tls != nil {
		s.decrypt(time.Now().UnixNano()) // the handshake may have read more than its own
	}
}

// HandleEvents implements reactor.Handler.
func (s *stream) HandleEvents(ev reactor.Events) {
	if ev&(reactor.Readable|reactor.Hangup) == 0 || s.ignored {
		return
	}
	raw := s.l.raw
	for s.state == stateAsking || s.state == stateOpen {
		n, err := s.Read(raw)
		if err != nil {
			if errors.Is(err, reactor.ErrWouldBlock) {
				return
			}
			s.ended(err)
			return
		}
		s.tally().Bytes += uint64(n)
		now := time.Now().UnixNano()
		if s.tls == nil {
			s.consume(raw[:n], now)
		} else {
			s.wire.in = raw[:n]
			s.decrypt(now)
		}
		switch {
		case s.state != stateAsking && s.state != stateOpen || s.ignored:
			return
		case ev&reactor.Hangup != 0: // the end is behind the bytes
		case n == len(raw):
			s.Again() // there may be more, after the others' turn
			return
		default:
			return // a short read has emptied the socket, and what comes later is another event
		}
	}
}

// decrypt reads all records that are complete.
func (s *stream) decrypt(now int64) {
	for {
		n, err := s.tls.Read(s.l.plain)
		if n > 0 {
			s.consume(s.l.plain[:n], now)
		}
		switch {
		case s.state != stateAsking && s.state != stateOpen:
			return
		case err == nil:
		case errors.Is(err, reactor.ErrWouldBlock):
			return
		default:
			s.ended(err)
			return
		}
	}
}

// consume reads p, which came at now.
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
	s.Close()
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
	s.Close()
	s.setState(stateClosed)
	s.l.retry(s, err)
}

// cut ends the connection from our side, as a client does that is gone.
func (s *stream) cut() {
	s.tally().Cut++
	s.Close()
	s.setState(stateClosed)
}
