package admin

import (
	"context"
	"errors"
	"fmt"
)

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
	return &Error{Code: CodeInternal, Message: err.Error(), Hint: "the daemon's log may tell more"}
}

// refusalOf is the counter that an error answer belongs to.
func refusalOf(e *Error) Refusal {
	if e.Reason != "" {
		return e.Reason
	}
	switch e.Code {
	case CodeParse, CodeInvalidRequest:
		return RefusedSyntax
	case CodeMethodNotFound:
		return RefusedMethod
	case CodeInvalidParams:
		return RefusedParams
	case CodeNotAllowed:
		return RefusedRole
	case CodeTooLarge:
		return RefusedTooLarge
	case CodeOverloaded:
		return RefusedOverload
	case CodeNotFound:
		return RefusedNotFound
	}
	return RefusedInternal
}
