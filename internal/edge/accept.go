package edge

import (
	"context"
	"fmt"
	"net/netip"
	"sync/atomic"

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
	cfg := s.config()
	var away *RefuseReason
	if !s.addresses.add(peer.Addr(), cfg.ConnectionsPerAddress) {
		away = refusedBecause(RefusedAddress)
		s.addresses.add(peer.Addr(), 0) // it is here all the same, for a moment
	}
	if open := s.open.Add(1); open > int64(s.ConnectionLimit()) {
		away = refusedBecause(RefusedConnections)
	} else {
		raise(&s.peak, open)
	}
	if away != nil {
		s.refused[*away].Add(1)
		if s.away.Add(1) > int64(s.politeLimit()) {
			s.away.Add(-1)
			s.open.Add(-1)
			s.addresses.remove(peer.Addr())
			return false
		}
	}
	i := s.balancer.Pick()
	w := s.workers[i]
	if w == at {
		w.open(fd, peer, secure, away != nil)
		return true
	}
	if err := w.loop.Post(func() { w.open(fd, peer, secure, away != nil) }); err == nil {
		return true
	}
	// The other loop is far behind or has stopped: keep what is here.
	s.balancer.Done(i)
	s.balancer.Take(at.index)
	at.open(fd, peer, secure, away != nil)
	return true
}

func refusedBecause(r RefuseReason) *RefuseReason { return &r }

// release undoes what admit counted.
func (s *Server) release(c *conn) {
	if c.turnedAway {
		s.away.Add(-1)
	}
	s.open.Add(-1)
	s.addresses.remove(c.peer.Addr())
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
