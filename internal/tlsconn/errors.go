package tlsconn

import (
	"errors"
	"fmt"
)

// ErrBacklog ends a connection whose peer causes more output than it reads, for example by a flood
// of KeyUpdate requests.
var ErrBacklog = errors.New("output backlog is full")

// ErrNotPeer is joined to the error passed to Abort if the handshake was not waiting for its peer:
// it was computing, or waiting for a slot.
var ErrNotPeer = errors.New("its turn to compute had not come or was not over")

// PanicError is the result of a handshake that panicked. A bug in crypto/tls, or in a callback of
// the configuration, that one client's bytes trigger must not end all other connections.
type PanicError struct {
	Value any
	Stack []byte // of the panicking goroutine, as debug.Stack returns it
}

// Error returns the value of the panic, without the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("handshake panicked: %v", e.Value) }

// temporary is net.Error by another name. crypto/tls remembers every read error that is not
// temporary. net.Error itself marks the method deprecated.
type temporary interface {
	error
	Timeout() bool
	Temporary() bool
}

// permanentError wraps an error so that it is not temporary.
type permanentError struct{ err error }

func (e permanentError) Error() string { return e.err.Error() }
func (e permanentError) Unwrap() error { return e.err }
func (permanentError) Timeout() bool   { return true }
func (permanentError) Temporary() bool { return false }

// settle converts an error of the descriptor for crypto/tls. An error that is temporary and not a
// timeout means "not now": settle returns it unwrapped. Any other error becomes permanent:
// ETIMEDOUT calls itself temporary too, although its connection is dead.
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

// wouldBlock reports whether an error from settle, or from crypto/tls after settle, means "not
// now". Both make all other errors permanent.
func wouldBlock(err error) bool {
	t, ok := errors.AsType[temporary](err)
	return ok && t.Temporary()
}
