package tlsconn

import (
	"crypto/tls"
	"fmt"
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

// run does the whole handshake.
func (h *handshake) run(server *tls.Conn) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
		h.leave()
	}()
	err = server.Handshake()
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
func (h *handshake) read(out *output, p []byte) (int, error) {
	for {
		if err := h.aborted(); err != nil {
			return 0, err
		}
		if _, err := out.flush(); err != nil {
			return 0, err
		}
		n, err := h.hello.read(out.d, p)
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
