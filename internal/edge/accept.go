package edge

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/reactor"
)

// Listener is a listening socket and the protocol spoken on it.
type Listener struct {
	reactor.Listener
	Secure bool // TLS
}

// Serve starts accepting from the listeners, and owns them from then on. The loops must be running.
func (s *Server) Serve(ctx context.Context, listeners []Listener) error {
	for i, l := range listeners {
		w := s.workers[i%len(s.workers)]
		var failed error
		err := w.ask(ctx, func() {
			a, err := reactor.NewAcceptor(w.loop, l.FD, func(fd int, peer netip.AddrPort) bool {
				return s.admit(w, fd, peer, l.Secure)
			})
			if err != nil {
				failed = fmt.Errorf("accept on %s: %w", l.Listener, err)
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

// stopAccepting closes the worker's acceptors. The kernel resets connections in the backlog, unless
// another process holds the listener too and accepts them.
func (w *worker) stopAccepting() {
	for _, a := range w.acceptors {
		a.Close()
	}
}

// admit decides whether to keep an accepted socket, on the loop of at, and gives it to the least
// loaded worker. It reports whether the socket has an owner; otherwise the caller resets it.
func (s *Server) admit(at *worker, fd int, peer netip.AddrPort, secure bool) bool {
	v := admission.Visit{Addr: peer.Addr(), Handshake: secure, Challenged: secure && s.isChallenged()}
	preamble := s.config().wantsHeader(peer.Addr())
	if preamble {
		v.Handshake = false // it is the client's; see introduce
	}
	as, ok := s.judge(s.log, at.now(), peer, v)
	if !ok {
		return false
	}
	from := arrival{fd, peer, secure, preamble, as}
	i := s.balancer.Pick()
	w := s.workers[i]
	if w == at {
		w.accept(from)
		return true
	}
	if err := w.loop.Post(func() { w.accept(from) }); err == nil {
		return true
	}
	// The other loop is far behind or has stopped: keep the connection here.
	s.balancer.Done(i)
	s.balancer.Take(at.index)
	at.accept(from)
	return true
}

// arrival is an accepted socket that the server has already counted.
type arrival struct {
	fd       int
	peer     netip.AddrPort // not valid: of a Unix socket
	secure   bool
	preamble bool // a PROXY header comes first
	as       admission.Verdict
}

// accept takes ownership of an accepted socket.
func (w *worker) accept(from arrival) {
	c := newConn(w, from)
	if err := c.transport.Accept(&w.transport, (*protocol)(c), from.fd, from.secure, from.preamble); err != nil {
		w.refuse(RefusedDescriptors)
		w.srv.log.Debug("accepted socket cannot be watched", "peer", c.peer(), "err", err)
		w.loop.Discard(from.fd)
		w.srv.release(from.as, from.peer.Addr(), w.index)
		return
	}
	if !from.peer.IsValid() {
		if err := c.transport.BoundSend(w.srv.config().KernelBytes); err != nil {
			w.srv.log.Debug("kernel memory of a connection not bounded", "conn", c.id, "err", err)
		}
	}
	c.slot = int32(len(w.conns))
	w.conns = append(w.conns, c)
	w.changes++
	c.accepted()
}

func newConn(w *worker, from arrival) *conn {
	c := &conn{
		w:          w,
		id:         w.srv.nextConn.Add(1),
		from:       packAddr(from.peer),
		acceptedAt: w.now(),
		as:         from.as,
	}
	c.sub.Init((*carrier)(c), c.id)
	return c
}
