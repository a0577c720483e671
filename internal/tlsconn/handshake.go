package tlsconn

import (
	"crypto/tls"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// handshake is the state that a connection needs only until the end of its handshake.
type handshake struct {
	// Fixed after creation; any goroutine.
	wake  chan struct{} // holds one token: a wake-up is kept until a read waits, and a second one adds nothing
	abort chan error    // holds the first error passed to Abort

	// Any goroutine.
	started atomic.Bool

	// Owned by the handshake's goroutine.
	gate  *Gate
	in    ahead
	held  bool      // whether it holds a slot of the gate
	since time.Time // when it started to compute with the slot
	hello hello
	trace Trace
	proof *proof // nil: crypto/tls keeps the records
	err   error  // taken from abort
}

func newHandshake(d Descriptor) *handshake {
	return &handshake{wake: make(chan struct{}, 1), abort: make(chan error, 1), in: ahead{Descriptor: d}}
}

// run runs the whole handshake.
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

// read is the transport's read during the handshake. It waits for bytes without a slot, and returns
// them with one.
func (h *handshake) read(out *output, p []byte) (int, error) {
	for {
		if err := h.aborted(); err != nil {
			return 0, err
		}
		if _, err := out.flush(); err != nil {
			return 0, err
		}
		n, err := h.hello.read(&h.in, h.window(p))
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

// window returns how much of p may be filled. If the records are to be handed over, crypto/tls gets
// nothing beyond the record that it waits for, so that it holds nothing when the handshake has ended.
// The first record is cut by hello.
func (h *handshake) window(p []byte) []byte {
	if h.proof == nil || !h.hello.isPast() {
		return p
	}
	return p[:min(len(p), h.trace.missing())]
}

// atBoundary reports whether crypto/tls has got whole records only.
func (h *handshake) atBoundary() bool { return h.hello.isPast() && h.trace.missing() == headerLen }

// aborted returns the error passed to Abort, or nil.
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

// notPeer adds to an error passed to Abort that the handshake was not waiting for the peer.
func notPeer(err error) error { return fmt.Errorf("%w: %w", ErrNotPeer, err) }

// enter waits for a slot of the gate and for its rest, unless the handshake holds one already.
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

// leave releases the slot, if the handshake holds one.
func (h *handshake) leave() {
	if h.held {
		h.held = false
		h.gate.charge(h.since, h.gate.now())
		<-h.gate.slots
	}
}
