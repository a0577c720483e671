package publish

import (
	"errors"
	"fmt"
	"slices"

	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/names"
)

// check returns why the message is refused, or nil.
func (r *Request) check(limits Limits) *Error {
	if size := len(r.Event.Data); size > limits.MessageBytes {
		return &Error{
			Refusal: TooLarge,
			Message: fmt.Sprintf("the message has %d bytes and the limit is %d", size, limits.MessageBytes),
			Hint:    "send less, or raise limits.message_bytes",
		}
	}
	for _, t := range r.To {
		if !slices.ContainsFunc(r.Granted, func(granted names.Target) bool { return granted.Covers(t) }) {
			return &Error{
				Refusal: NotGranted, Field: "to",
				Message: fmt.Sprintf("to %q is not among the rooms that you may publish to", t),
				Hint:    "publish to a room that you are granted",
			}
		}
	}
	return nil
}

// invalidMessage returns the refusal of a message that the hub cannot take.
func invalidMessage(err error) *Error {
	if wrong, ok := errors.AsType[*hub.InvalidError](err); ok {
		return &Error{Refusal: Invalid, Field: wrong.Field, Message: err.Error(), Hint: wrong.Hint}
	}
	return &Error{Refusal: Invalid, Message: err.Error()}
}
