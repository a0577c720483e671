package admin

import (
	"context"
	"errors"
	"fmt"

	"github.com/creachadair/jrpc2"
)

// What the caller of a control method branches on; see [errors.Is]. An [*Error] matches by its code.
var (
	ErrUnreachable = errors.New("hassesd cannot be reached")
	ErrNotAllowed  = errors.New("not allowed")
	ErrNotFound    = errors.New("not found")
	ErrTooLarge    = errors.New("message too large")
	ErrOverloaded  = errors.New("overloaded")
	ErrTimeout     = errors.New("timed out")

	// ErrCertificate is the daemon's refusal of our certificate, or of our having none. It is ErrNotAllowed, too.
	ErrCertificate = fmt.Errorf("%w: the daemon refused the certificate", ErrNotAllowed)
)

// Error is an answer that a publisher or an administrator gets instead of a result.
type Error struct {
	Code    int    // a Code constant or one of JSON-RPC's own
	Message string // what happened, for people
	Hint    string // what to do next; may be empty

	reason Refusal // that it counts as; empty: the one of its code
}

func (e *Error) Error() string { return e.Message }

// Is reports whether e's code is the one that target stands for.
func (e *Error) Is(target error) bool {
	switch e.Code {
	case CodeNotAllowed:
		return target == ErrNotAllowed
	case CodeNotFound:
		return target == ErrNotFound
	case CodeTooLarge:
		return target == ErrTooLarge
	case CodeOverloaded:
		return target == ErrOverloaded
	}
	return false
}

// JSON-RPC's own codes, as plain numbers.
const (
	codeParse          = int(jrpc2.ParseError)
	codeInvalidRequest = int(jrpc2.InvalidRequest)
	codeMethodNotFound = int(jrpc2.MethodNotFound)
	codeInvalidParams  = int(jrpc2.InvalidParams)
	codeInternal       = int(jrpc2.InternalError)
)

// badParams says what is wrong with a request's parameters.
func badParams(hint, format string, args ...any) *Error {
	return &Error{Code: codeInvalidParams, Message: "invalid params: " + fmt.Sprintf(format, args...), Hint: hint}
}

// tooLarge is the answer to a message of size bytes.
func tooLarge(size, limit int) *Error {
	return &Error{
		Code:    CodeTooLarge,
		Message: fmt.Sprintf("the message has %d bytes and the limit is %d", size, limit),
		Hint:    "send less, or raise limits.message_bytes",
	}
}

// notForRole is the answer to a command that needs a greater role than the connection has.
func notForRole(name string, needed, has Role) *Error {
	return &Error{
		Code:    CodeNotAllowed,
		Message: fmt.Sprintf("%s needs the role %s, and this connection has %s", name, needed, has),
		Hint:    "use a door, a user or a certificate that has the role, or show a key that gives it (auth KEY, hassesctl --auth-key-file)",
	}
}

// asError turns what a Backend reported into an answer.
func asError(err error) *Error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &Error{Code: CodeOverloaded, Message: "the daemon did not get to it in time", Hint: "try again"}
	}
	return &Error{Code: codeInternal, Message: err.Error(), Hint: "the daemon's log may tell more"}
}

// errorData is the "data" of an error answer.
type errorData struct {
	Hint string `json:"hint,omitempty"`
}
