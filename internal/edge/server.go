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
	drains    []drain                           // of each worker
	challenge func(token string) (string, bool) // may be nil
	drained   chan struct{}                     // closed when a drain is over

	// Written by drainAll before drainBegun is closed, read after.
	drainStreams int
	drainBegun   chan struct{}

	drainOnce sync.Once
}

// New returns a server. Nothing runs before the caller runs the loops.
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
		s.drains = append(s.drains, drain{w: w})
	}
	return s
}

// Reconfigure applies a new configuration. Open streams stay, and follow it within the next turns
// of their loop.
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

// Connections returns the number of connections.
func (s *Server) Connections() int { return int(s.open.Load()) }

// Handshaking reports whether TLS handshakes are in flight, which keep the CPUs busy.
func (s *Server) Handshaking() bool { return s.handshaking.Load() > 0 }

// HandshakeSlot waits until a handshake of another listener may compute: all handshakes share
// limits.handshake_cpu.
func (s *Server) HandshakeSlot(ctx context.Context) (leave func(), err error) {
	return s.gate.Enter(ctx)
}

// HandshakesUnderway adds change to the number of such handshakes in flight, which Handshaking
// reports.
func (s *Server) HandshakesUnderway(change int64) { s.handshaking.Add(change) }

// SetReinit sets whether further requests on an open stream are served.
func (s *Server) SetReinit(on bool) { s.reinit.Store(on) }

// Reinit reports whether further requests on an open stream are served.
func (s *Server) Reinit() bool { return s.reinit.Load() }

// Publishing returns the number of POST requests in work.
func (s *Server) Publishing() int { return s.postSlots.inWork() }
