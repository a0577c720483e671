package tlsconn

import (
	"errors"
	"fmt"
)

// ErrBacklog ends a connection that made more output than its peer takes, without any being asked for: a flood of
// KeyUpdate requests, for instance.
var ErrBacklog = errors.New("output backlog is full")

// ErrNotPeer comes with the error given to Abort when the handshake that it ended was not waiting for its peer: it
// computed, or waited for its turn to.
var ErrNotPeer = errors.New("its turn to compute had not come or was not over")

// PanicError is the result of a handshake that panicked: a fault in crypto/tls or in a callback of the configuration,
// reached by one stranger's bytes, must not take all other connections with it.
type PanicError struct {
	Value any
	Stack []byte // of the panicking goroutine, as debug.Stack returns it
}

// Error names the value of the panic, not the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("handshake panicked: %v", e.Value) }

// temporary is what crypto/tls asks a read error for, net.Error without its name: only an error that calls itself
// temporary is not remembered for ever. net.Error itself marks the method deprecated.
type temporary interface {
	error
	Timeout() bool
	Temporary() bool
}

// permanentError hides that an error calls itself temporary.
type permanentError struct{ err error }

func (e permanentError) Error() string { return e.err.Error() }
func (e permanentError) Unwrap() error { return e.err }
func (permanentError) Timeout() bool   { return true }
func (permanentError) Temporary() bool { return false }

// settle gives an error of the descriptor the form that crypto/tls judges rightly. An error that is temporary without
// being a timeout means "not now": it is returned itself, out of whatever wraps it. Any other is returned as a permanent
// one: ETIMEDOUT calls itself temporary too, though its connection is dead.
func settle(err error) error {
	t, ok := errors.AsType[temporary](err)
	switch {
	case !ok || !t.Temporary():
		return err
	case t.Timeout():
		return permanentError{err}
	default:
		return t
	}
}

// wouldBlock tells whether an error that has gone through settle, and perhaps through crypto/tls, means "not now".
// crypto/tls makes its own errors permanent, and so does settle.
func wouldBlock(err error) bool {
	t, ok := errors.AsType[temporary](err)
	return ok && t.Temporary()
}
