package api

import (
	"context"
	"errors"
	"fmt"
)

// Error codes of the JSON form, beside those of JSON-RPC 2.0 itself.
const (
	CodeNotAllowed = -32001 // the connection's role may not call this
	CodeOverloaded = -32002 // try again
	CodeTooLarge   = -32003 // the message is over limits.message_bytes
	CodeNotFound   = -32004
)

// Error codes of JSON-RPC 2.0 itself (section 5.1).
const (
	CodeParse          = -32700
	CodeInvalidRequest = -32600
	CodeMethodNotFound = -32601
	CodeInvalidParams  = -32602
	CodeInternal       = -32603
)

// Errors that callers branch on with [errors.Is]. An [*Error] matches by its code.
var (
	ErrUnreachable = errors.New("hassesd cannot be reached")
	ErrNotAllowed  = errors.New("not allowed")
	ErrNotFound    = errors.New("not found")
	ErrTooLarge    = errors.New("message too large")
	ErrOverloaded  = errors.New("overloaded")
	ErrTimeout     = errors.New("timed out")

	// ErrCertificate means that the daemon refused our certificate, or that we showed none. It is
	// an ErrNotAllowed, too.
	ErrCertificate = fmt.Errorf("%w: the daemon refused the certificate", ErrNotAllowed)
)

// Error is the answer to a call that failed.
type Error struct {
	Code    int    // a Code constant or one of JSON-RPC's own
	Message string // what happened, for people
	Hint    string // what to do next; may be empty

	Reason Refusal // how the daemon counts it; empty: by Code
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

// InvalidParams returns the error for wrong parameters of a request.
func InvalidParams(hint, format string, args ...any) *Error {
	return &Error{Code: CodeInvalidParams, Message: "invalid params: " + fmt.Sprintf(format, args...), Hint: hint}
}

// ErrorData is the "data" of an error answer.
type ErrorData struct {
	Hint string `json:"hint,omitempty"`
}

// AsError returns err, with which the daemon failed a call, as the answer to it.
func AsError(err error) *Error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &Error{Code: CodeOverloaded, Message: "the daemon did not get to it in time", Hint: "try again"}
	}
	return &Error{Code: CodeInternal, Message: err.Error(), Hint: "the daemon's log may tell more"}
}
