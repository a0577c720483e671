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
			w.acceptors = append(w.acceptors, a)
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

// stopAccepting closes the worker's acceptors. What waits in the kernel's backlog is reset, unless somebody else has the
// listener too: then it waits for whoever accepts next.
func (w *worker) stopAccepting() {
	for _, a := range w.acceptors {
		a.Close()
	}
}

// deferMost bounds the connections over the limit that are told, properly, to come later.
const deferMost = 512

// ConnectionLimit is how many connections are served: limits.connections, and never more than descriptors allow.
func (s *Server) ConnectionLimit() int {
	byDescriptors := max(1, s.fdLimit-s.fdOthers-s.deferLimit())
	if n := s.config().Connections; n > 0 && n < byDescriptors {
		return n
	}
	return byDescriptors
}

// deferLimit is how many connections over the limit may be told to come later at one time; others are reset.
func (s *Server) deferLimit() int { return min(s.fdLimit/8, deferMost) }

// admit decides about an accepted socket, on the loop of at, and deals it to the worker with the least to do. It answers
// whether the socket has found an owner; the caller resets it otherwise.
func (s *Server) admit(at *worker, fd int, peer netip.AddrPort, secure bool) bool {
	as, ok := s.judge(at, peer, secure)
	if !ok {
		return false
	}
	i := s.balancer.Pick()
	w := s.workers[i]
	if w == at {
		w.accept(fd, peer, secure, as)
		return true
	}
	if err := w.loop.Post(func() { w.accept(fd, peer, secure, as) }); err == nil {
		return true
	}
	// The other loop is far behind or has stopped: keep what is here.
	s.balancer.Done(i)
	s.balancer.Take(at.index)
	at.accept(fd, peer, secure, as)
	return true
}

// judge decides whether a connection is admitted, and as what. If it is not, nothing of it stays counted but the refusal:
// it is reset before it has cost a handshake.
func (s *Server) judge(at *worker, peer netip.AddrPort, secure bool) (as admission.Verdict, ok bool) {
	now := at.now()
	as = s.admission.Admit(now, admission.Visit{
		Addr:       peer.Addr(),
		Handshake:  secure,
		Challenged: secure && s.isChallenged(),
	})
	switch as {
	case admission.Admit, admission.AdmitChallenge:
	case admission.AdmitDefer:
		s.countAtAccept(now, peer, RefusedAddress)
	case admission.RefuseConnections:
		s.countAtAccept(now, peer, RefusedAddress)
	case admission.RefuseRate:
		s.countAtAccept(now, peer, RefusedRate)
	case admission.RefusePenalty:
		s.countAtAccept(now, peer, RefusedPenalty)
	}
	if !as.Holds() {
		return as, false
	}
	if open := s.open.Add(1); open <= int64(s.ConnectionLimit()) {
		raise(&s.peak, open)
	} else if as != admission.AdmitDefer {
		as = admission.AdmitDefer
		s.countAtAccept(now, peer, RefusedConnections)
	}
	if as != admission.Admit && s.deferred.Add(1) > int64(s.deferLimit()) {
		s.deferred.Add(-1)
		s.open.Add(-1)
		s.admission.Release(peer.Addr())
		return as, false
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

// acceptLogEvery is the least time between two lines in the log about networks at their limits.
const acceptLogEvery = time.Minute

// countAtAccept counts a refusal, and now and then says so: an operator whose proxy has run into the limits of one address
// must be able to find out.
func (s *Server) countAtAccept(now time.Duration, peer netip.AddrPort, reason RefuseReason) {
	s.refused[reason].Add(1)
	last := s.acceptLogged.Load()
	if last != 0 && now-time.Duration(last) < acceptLogEvery || !s.acceptLogged.CompareAndSwap(last, max(int64(now), 1)) {
		return
	}
	s.log.Info("refused at accept; a proxy's address belongs in limits.exempt", "peer", peer, "reason", reason.String())
}

// release undoes what admit counted.
func (s *Server) release(c *conn) {
	if c.as != admission.Admit {
		s.deferred.Add(-1)
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
