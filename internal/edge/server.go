package edge

import (
	"context"
	"crypto/tls"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/reactor"
	"github.com/hassesd/hassesd/internal/tlsconn"
)

// Options is what a server is made of. All fields are needed, but TLS only for doors that speak it, Clock and
// Challenge.
type Options struct {
	Loops []*reactor.Loop // one worker each; the caller runs them after New
	Hub   *hub.Hub
	// TLS returns the configuration for the next handshake, and what says whether a request for host may be answered on
	// the connection it makes, whose client asked for serverName (SNI, empty for none). It must not block.
	TLS    func() (config *tls.Config, serves func(serverName, host string) bool)
	Logger *slog.Logger
	Config Config
	Reinit bool   // allow a second request on an open stream
	Seed   uint64 // of the jitter
	// DescriptorLimit is how many descriptors the process may hold; it bounds the connections.
	DescriptorLimit int
	// OtherDescriptors is how many of them are not for connections. Of a small limit they get no more than half.
	OtherDescriptors int
	// Clock tells the time to what measures handshakes; nil: limits.handshake_cpu is not kept.
	Clock func() time.Time
	// Challenge answers GET /.well-known/acme-challenge/TOKEN without TLS, for what obtains certificates (RFC 8555
	// section 8.3). It must not wait; nil where nobody asks.
	Challenge func(token string) (answer string, ok bool)
}

// Server spreads the connections of its listeners over the workers.
type Server struct {
	// Fixed after New.
	log       *slog.Logger
	start     time.Time
	tlsConfig func() (*tls.Config, func(serverName, host string) bool)
	challenge func(token string) (string, bool) // may be nil
	gate      *tlsconn.Gate
	workers   []*worker
	balancer  *reactor.Balancer
	fdLimit   int
	fdOthers  int
	drained   chan struct{} // closed when a drain is over

	// Written by drainAll before drainBegun is closed, read after.
	drainStreams int
	drainBegun   chan struct{}

	// Shared; each safe by itself.
	current      atomic.Pointer[snapshot]
	reinit       atomic.Bool
	nextConn     atomic.Uint64
	open         atomic.Int64 // connections, those turned away included
	handshaking  atomic.Int64 // handshakes in flight
	deferred     atomic.Int64 // connections that are only told to come later
	peak         atomic.Int64
	refused      [numRefuseReasons]atomic.Uint64 // what acceptors turn away; workers count the rest
	isDraining   atomic.Bool
	memoryLow    atomic.Bool  // no new streams
	acceptLogged atomic.Int64 // when the log last told of a refusal at accept; 0: never
	hints        hints        // any loop
	admission    *admission.Table
	bans         bans

	drainOnce sync.Once
}

// New prepares a server; nothing runs before the caller runs the loops.
func New(o Options) *Server {
	s := &Server{
		log:       o.Logger,
		start:     o.Loops[0].Now(),
		tlsConfig: o.TLS,
		challenge: o.Challenge,
		// As many handshakes compute at one time as there are CPUs: a loop that wants to run waits for one or two of
		// them at the most, whatever storm is raging.
		gate:       tlsconn.NewGate(runtime.GOMAXPROCS(0), o.Clock),
		balancer:   reactor.NewBalancer(len(o.Loops)),
		fdLimit:    o.DescriptorLimit,
		fdOthers:   min(o.OtherDescriptors, o.DescriptorLimit/2),
		drained:    make(chan struct{}),
		drainBegun: make(chan struct{}),
	}
	s.current.Store(newSnapshot(o.Config, o.Challenge))
	s.admission = admission.New(o.Config.Admission)
	s.gate.SetShare(o.Config.HandshakeCPU)
	s.reinit.Store(o.Reinit)
	for i, loop := range o.Loops {
		s.workers = append(s.workers, newWorker(s, i, loop, o.Hub, o.Seed))
	}
	for _, w := range s.workers {
		w.handshakes.setSlots(s.config())
	}
	return s
}

func (s *Server) config() *snapshot { return s.current.Load() }

// Reconfigure puts a new configuration in force. Open streams stay; they follow it from one of the next
// turns of their loop on.
func (s *Server) Reconfigure(now time.Time, c Config) {
	next := newSnapshot(c, s.challenge)
	if old := s.config(); c.StreamAge == old.StreamAge {
		next.timing.AgeFrom = old.timing.AgeFrom
	} else {
		next.timing.AgeFrom = now.Sub(s.start)
	}
	s.current.Store(next)
	s.admission.SetLimits(c.Admission)
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
