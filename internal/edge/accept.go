package edge

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/reactor"
)

// acceptor takes connections from one listener; it lives on the loop of one worker and deals them out to all.
type acceptor struct {
	*reactor.Acceptor
	w *worker
}

// Door is a listening socket and what is spoken on it.
type Door struct {
	Listener reactor.Listener
	Secure   bool // TLS
}

// Serve begins to accept from the doors, which it owns from now on. The loops must be running.
func (s *Server) Serve(ctx context.Context, doors []Door) error {
	for i, door := range doors {
		w := s.workers[i%len(s.workers)]
		var failed error
		err := w.ask(ctx, func() {
			a, err := reactor.NewAcceptor(w.loop, door.Listener.FD, func(fd int, peer netip.AddrPort) bool {
				return s.admit(w, fd, peer, door.Secure)
			})
			if err != nil {
				failed = fmt.Errorf("accept on %s: %w", door.Listener.Addr, err)
				return
			}
			s.acceptors = append(s.acceptors, &acceptor{Acceptor: a, w: w})
		})
		if err == nil {
			err = failed
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// shed is how many connections were reset because there was no descriptor for them.
func (s *Server) shed(ctx context.Context) (uint64, error) {
	var total uint64
	for _, a := range s.acceptors {
		var n uint64
		if err := a.w.ask(ctx, func() { n = a.Stats().Shed }); err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

// politeMost bounds the connections over the limit that are told, properly, to come later.
const politeMost = 512

// ConnectionLimit is how many connections are served: limits.connections, and never more than descriptors allow.
func (s *Server) ConnectionLimit() int {
	byDescriptors := max(1, s.fdLimit-s.fdOthers-s.politeLimit())
	if n := s.config().Connections; n > 0 && n < byDescriptors {
		return n
	}
	return byDescriptors
}

// politeLimit is how many connections over the limit may be told to come later at one time; others are reset.
func (s *Server) politeLimit() int { return min(s.fdLimit/8, politeMost) }

// admit decides about an accepted socket, on the loop of at, and deals it to the worker with the least to do. It answers
// whether the socket has found an owner; the caller resets it otherwise.
func (s *Server) admit(at *worker, fd int, peer netip.AddrPort, secure bool) bool {
	as, ok := s.welcome(at, peer, secure)
	if !ok {
		return false
	}
	i := s.balancer.Pick()
	w := s.workers[i]
	if w == at {
		w.open(fd, peer, secure, as)
		return true
	}
	if err := w.loop.Post(func() { w.open(fd, peer, secure, as) }); err == nil {
		return true
	}
	// The other loop is far behind or has stopped: keep what is here.
	s.balancer.Done(i)
	s.balancer.Take(at.index)
	at.open(fd, peer, secure, as)
	return true
}

// welcome decides whether a connection is let in, and as what. If it is not, nothing of it stays counted but the
// refusal: it is reset before it has cost a handshake.
func (s *Server) welcome(at *worker, peer netip.AddrPort, secure bool) (as guest, ok bool) {
	now := at.now()
	verdict := s.admission.Admit(now, admission.Visit{
		Addr:       peer.Addr(),
		Handshake:  secure,
		Challenged: secure && s.isChallenged(),
	})
	switch verdict {
	case admission.Admit:
		as = guestWelcome
	case admission.AdmitChallenge:
		as = guestForChallenge
	case admission.AdmitDefer:
		as = guestTurnedAway
		s.countAtDoor(now, peer, RefusedAddress)
	case admission.RefuseConnections:
		s.countAtDoor(now, peer, RefusedAddress)
		return 0, false
	case admission.RefuseRate:
		s.countAtDoor(now, peer, RefusedRate)
		return 0, false
	case admission.RefusePenalty:
		s.countAtDoor(now, peer, RefusedPenalty)
		return 0, false
	}
	if open := s.open.Add(1); open <= int64(s.ConnectionLimit()) {
		raise(&s.peak, open)
	} else if as != guestTurnedAway {
		as = guestTurnedAway
		s.countAtDoor(now, peer, RefusedConnections)
	}
	if as != guestWelcome && s.away.Add(1) > int64(s.politeLimit()) {
		s.away.Add(-1)
		s.open.Add(-1)
		s.admission.Release(peer.Addr())
		return 0, false
	}
	return as, true
}

// isChallenged says whether a certification authority is expected (RFC 8737): its protocol is offered only then.
func (s *Server) isChallenged() bool {
	c, _ := s.tlsConfig()
	return c != nil && slices.Contains(c.NextProtos, protoChallenge)
}

// protoChallenge is negotiated by an authority that looks for the answer to its challenge.
const protoChallenge = "acme-tls/1"

// doorQuiet is the least time between two lines in the log about networks at their limits.
const doorQuiet = time.Minute

// countAtDoor counts a refusal, and now and then says so: an operator whose proxy has run into the limits of one address
// must be able to find out.
func (s *Server) countAtDoor(now time.Duration, peer netip.AddrPort, reason RefuseReason) {
	s.refused[reason].Add(1)
	last := s.doorTold.Load()
	if last != 0 && now-time.Duration(last) < doorQuiet || !s.doorTold.CompareAndSwap(last, max(int64(now), 1)) {
		return
	}
	s.log.Info("refused at accept; a proxy's address belongs in limits.exempt", "peer", peer, "reason", reason.String())
}

// guest is what a connection was let in as.
type guest uint8

const (
	guestWelcome      guest = iota
	guestForChallenge       // only to look for the answer to a challenge; whoever asks for more is turned away
	guestTurnedAway         // only to be told to come later
)

// release undoes what admit counted.
func (s *Server) release(c *conn) {
	if c.as != guestWelcome {
		s.away.Add(-1)
	}
	s.open.Add(-1)
	s.admission.Release(c.peer.Addr())
	s.balancer.Done(c.w.index)
}

// raise makes v at least n.
func raise(v *atomic.Int64, n int64) {
	for {
		old := v.Load()
		if n <= old || v.CompareAndSwap(old, n) {
			return
		}
	}
}
