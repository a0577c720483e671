package edge

import (
	"log/slog"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hassesd/hassesd/internal/httppublish"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/tlsconn"
)

// shared is what the workers of a server share. Each part is safe for concurrent use.
type shared struct {
	admitter

	// Fixed after New.
	log       *slog.Logger
	hub       *hub.Hub
	start     time.Time // of the clock
	clock     func() time.Time
	tlsConfig tlsSource
	gate      *tlsconn.Gate
	workers   int

	current     atomic.Pointer[snapshot]
	reinit      atomic.Bool
	nextConn    atomic.Uint64
	handshaking atomic.Int64 // handshakes in flight
	isDraining  atomic.Bool
	memoryLow   atomic.Bool          // no new streams
	logAway     atomic.Bool          // no new streams
	publish     *httppublish.Service // answers POST
	postSlots   postSlots
	hints       hints
	bans        bans
}

// init prepares the zero value.
func (s *shared) init(o Options) {
	s.admitter.init(o)
	s.hub = o.Hub
	if s.clock = o.Clock; s.clock == nil {
		s.clock = o.Loops[0].Now // which stands still within a turn
	}
	s.publish = o.Publish
	s.log, s.start, s.tlsConfig, s.workers = o.Logger, o.Loops[0].Now(), o.TLS, len(o.Loops)
	// As many handshakes compute at a time as there are CPUs: a loop that wants to run waits for
	// one or two of them at most, however many arrive.
	s.gate = tlsconn.NewGate(runtime.GOMAXPROCS(0), o.Clock)
	s.gate.SetShare(o.Config.HandshakeCPU)
	s.current.Store(newSnapshot(o.Config, o.Challenge))
	s.reinit.Store(o.Reinit)
}

func (s *shared) config() *snapshot { return s.current.Load() }

func (s *shared) draining() bool { return s.isDraining.Load() }

// isChallenged reports whether a certification authority is expected to connect (RFC 8737). Its
// protocol is offered only then.
func (s *shared) isChallenged() bool {
	c, _ := s.tlsConfig()
	return c != nil && slices.Contains(c.NextProtos, protoChallenge)
}

// protoChallenge is the protocol that an authority negotiates to read the answer to its challenge.
const protoChallenge = "acme-tls/1"
