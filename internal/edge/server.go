package edge

import (
	"context"
	"sync"
	"time"
)

// Server spreads the connections of its listeners over the workers.
type Server struct {
	shared

	// Fixed after New.
	workers   []*worker
	challenge func(token string) (string, bool) // may be nil
	drained   chan struct{}                     // closed when a drain is over

	// Written by drainAll before drainBegun is closed, read after.
	drainStreams int
	drainBegun   chan struct{}

	drainOnce sync.Once
}

// New prepares a server; nothing runs before the caller runs the loops.
func New(o Options) *Server {
	s := &Server{
		challenge:  o.Challenge,
		drained:    make(chan struct{}),
		drainBegun: make(chan struct{}),
	}
	s.shared.init(o)
	for i, loop := range o.Loops {
		w := newWorker(&s.shared, i, loop, o.Hub, o.Seed)
		loop.SetEndOfTurn(w.endOfTurn)
		s.workers = append(s.workers, w)
	}
	return s
}

// Reconfigure takes a new configuration. Open streams stay; they follow it from one of the next turns of their loop on.
func (s *Server) Reconfigure(now time.Time, c Config) {
	next := newSnapshot(c, s.challenge)
	if old := s.config(); c.StreamAge == old.StreamAge {
		next.timing.AgeFrom = old.timing.AgeFrom
	} else {
		next.timing.AgeFrom = now.Sub(s.start)
	}
	s.current.Store(next)
	s.setLimits(&c)
	s.gate.SetShare(c.HandshakeCPU)
	for _, w := range s.workers {
		w.outdated.Store(true)
		w.loop.Wake()
	}
}

// Connections is how many connections there are now.
func (s *Server) Connections() int { return int(s.open.Load()) }

// Handshaking says whether TLS handshakes are in flight, which keep the processors busy.
func (s *Server) Handshaking() bool { return s.handshaking.Load() > 0 }

// HandshakeSlot waits until a handshake that is none of a subscriber's may compute: all of them share limits.handshake_cpu.
func (s *Server) HandshakeSlot(ctx context.Context) (leave func(), err error) {
	return s.gate.Enter(ctx)
}

// HandshakesUnderway is told of such handshakes that begin, and end: loops wait in another way while there are any, see
// Handshaking.
func (s *Server) HandshakesUnderway(change int64) { s.handshaking.Add(change) }

// SetReinit says whether a second request on an open stream is served.
func (s *Server) SetReinit(on bool) { s.reinit.Store(on) }

// Reinit answers what SetReinit said.
func (s *Server) Reinit() bool { return s.reinit.Load() }
