package tlsconn

import (
	"fmt"
	"net"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// handshake is what a connection needs only until its handshake has ended.
type handshake struct {
	// Fixed after creation; any goroutine.
	wake  chan struct{} // holds one token: a wake-up that nobody waited for is kept, a second one adds nothing
	abort chan error    // holds the first error given to Abort

	// Any goroutine.
	started atomic.Bool

	// Owned by the handshake's goroutine.
	gate  *Gate
	held  bool      // a slot of the gate is ours
	since time.Time // when it began to compute with it
	hello hello
	trace Trace
	err   error // taken from abort
}

func newHandshake() *handshake {
	return &handshake{wake: make(chan struct{}, 1), abort: make(chan error, 1)}
}

// Start runs the handshake on a goroutine of its own. It calls done exactly once, on that goroutine, as its last act:
// with nil, or with the error that ended the handshake, which may have left an alert to Flush: a [HandshakeError], a
// [PanicError], or what was given to Abort. From Start to done the
// goroutine owns the descriptor. After done(nil) the caller flushes and reads at once: the last event of the descriptor
// may have been spent on the handshake, and the client's first request often arrives together with its Finished.
func (c *Conn) Start(g *Gate, done func(error)) {
	h := c.wire.hs.Load()
	if h == nil || !h.started.CompareAndSwap(false, true) {
		panic("tlsconn: internal error: Start called twice")
	}
	h.gate = g
	go func() {
		err := h.run(c)
		c.wire.hs.Store(nil)
		done(err)
	}()
}

// Wake tells a handshake that the descriptor became readable or writable. Any goroutine may call it, at any time; it
// never blocks, and it does nothing once the handshake has ended.
func (c *Conn) Wake() {
	if h := c.wire.hs.Load(); h != nil {
		select {
		case h.wake <- struct{}{}:
		default:
		}
	}
}

// Abort ends a handshake that waits for its peer or for a slot, and done(err) follows; a nil err stands for
// net.ErrClosed. A handshake that computes at this moment ends at its next wait or with its computation. Any goroutine
// may call it, at any time, also before Start; it never blocks, the first call wins, and it does nothing once the
// handshake has ended, so that done(nil) may follow an Abort that came too late. Unless the handshake waited for its
// peer, the error is an [ErrNotPeer] too.
func (c *Conn) Abort(err error) {
	if err == nil {
		err = net.ErrClosed
	}
	if h := c.wire.hs.Load(); h != nil {
		select {
		case h.abort <- err:
		default:
		}
	}
}

// run does the whole handshake.
func (h *handshake) run(c *Conn) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
		h.leave()
	}()
	err = c.tls.Handshake()
	if aborted := h.aborted(); aborted != nil {
		return aborted
	}
	if err != nil {
		return h.trace.Judge(err)
	}
	return nil
}

// read is the transport's read during the handshake: it waits for bytes without holding a slot and returns them
// holding one.
func (h *handshake) read(w *wire, p []byte) (int, error) {
	for {
		if err := h.aborted(); err != nil {
			return 0, err
		}
		if _, err := w.out.flush(); err != nil {
			return 0, err
		}
		n, err := h.hello.read(w.out.d, p)
		if err == nil {
			h.trace.Received(p[:n])
			return n, h.enter()
		}
		if !wouldBlock(err) {
			return 0, err
		}
		h.leave()
		select {
		case <-h.wake:
		case h.err = <-h.abort:
		}
	}
}

// aborted returns the error given to Abort, or nil.
func (h *handshake) aborted() error {
	if h.err == nil {
		select {
		case err := <-h.abort:
			h.err = notPeer(err)
		default:
		}
	}
	return h.err
}

// notPeer adds to an error given to Abort that the peer had done its part.
func notPeer(err error) error { return fmt.Errorf("%w: %w", ErrNotPeer, err) }

// enter waits for a slot of the gate and until it has rested, unless one is held already.
func (h *handshake) enter() error {
	if h.gate == nil || h.held {
		return nil
	}
	select {
	case h.gate.slots <- struct{}{}:
		h.held = true
	case err := <-h.abort:
		h.err = notPeer(err)
		return h.err
	}
	h.since = h.gate.now()
	rest := h.gate.rest(h.since)
	if rest <= 0 {
		return nil
	}
	timer := time.NewTimer(rest)
	defer timer.Stop()
	select {
	case <-timer.C:
	case err := <-h.abort:
		h.err = notPeer(err)
	}
	h.since = h.gate.now()
	return h.err
}

// leave gives the slot up, if one is held.
func (h *handshake) leave() {
	if h.held {
		h.held = false
		h.gate.charge(h.since, h.gate.now())
		<-h.gate.slots
	}
}
