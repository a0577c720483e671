package tlsconn

import (
	"errors"
	"fmt"
	"syscall"
)

// ErrWouldBlock tells that the descriptor has no more bytes now. It is the one error after which a connection goes on.
var ErrWouldBlock error = wouldBlockError{}

// ErrBacklog ends a connection that made more output than its peer takes, without any being asked for: a flood of
// KeyUpdate requests, for instance.
var ErrBacklog = errors.New("output backlog is full")

// PanicError is the result of a handshake that panicked: a fault in crypto/tls or in a callback of the configuration,
// reached by one stranger's bytes, must not take all other connections with it.
type PanicError struct {
	Value any
	Stack []byte // of the panicking goroutine, as debug.Stack returns it
}

// Error names the value of the panic, not the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("handshake panicked: %v", e.Value) }

// wouldBlockError satisfies net.Error directly and calls itself temporary: crypto/tls remembers every other read error
// for ever.
type wouldBlockError struct{}

func (wouldBlockError) Error() string   { return "would block" }
func (wouldBlockError) Timeout() bool   { return false }
func (wouldBlockError) Temporary() bool { return true }

// temporary is the part of net.Error that tells "not now" from "never". net.Error itself marks the method deprecated,
// yet crypto/tls decides by it.
type temporary interface {
	error
	Timeout() bool
	Temporary() bool
}

// permanentError hides that an error calls itself temporary. syscall.ETIMEDOUT does so, though the connection is dead.
type permanentError struct{ err error }

func (e permanentError) Error() string { return e.err.Error() }
func (e permanentError) Unwrap() error { return e.err }

// settle returns ErrWouldBlock for an error that means "not now", and any other error in a form that crypto/tls takes
// for permanent.
func settle(err error) error {
	t, ok := errors.AsType[temporary](err)
	if !ok || !t.Temporary() {
		return err
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok && errno != syscall.EAGAIN {
		return permanentError{err}
	}
	return ErrWouldBlock
}
