package publish

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/names"
)

// check returns the message if it may be published.
func (r *Request) check(limits Limits) (eventlog.Draft, *Error) {
	if size, limit := len(r.Event.Data), cmp.Or(limits.MessageBytes, defaultMessageBytes); size > limit {
		return eventlog.Draft{}, tooLarge(size, limit)
	}
	draft, err := eventlog.NewDraft(eventlog.Message{To: r.To, Except: r.Except, Event: r.Event})
	if err != nil {
		return eventlog.Draft{}, invalid(err)
	}
	for _, t := range r.To {
		if !slices.ContainsFunc(r.Granted, func(granted names.Target) bool { return granted.Covers(t) }) {
			return eventlog.Draft{}, notGranted(t)
		}
	}
	return draft, nil
}

func tooLarge(size, limit int) *Error {
	return &Error{
		Refusal: TooLarge,
		Message: fmt.Sprintf("the message has %d bytes and the limit is %d", size, limit),
		Hint:    "send less, or raise limits.message_bytes",
	}
}

func invalid(err error) *Error {
	if wrong, ok := errors.AsType[*eventlog.InvalidError](err); ok {
		return &Error{Refusal: Invalid, Field: wrong.Field, Message: err.Error(), Hint: wrong.Hint}
	}
	return &Error{Refusal: Invalid, Message: err.Error()}
}

func notGranted(t names.Target) *Error {
	return &Error{
		Refusal: NotGranted, Field: "to",
		Message: fmt.Sprintf("to %q is not among the rooms that you may publish to", t),
		Hint:    "publish to a room that you are granted",
	}
}

func overloaded() *Error {
	return &Error{Refusal: Overloaded, Message: eventlog.ErrBusy.Error(), Hint: "publish again a little later"}
}

func closed() *Error {
	return &Error{Refusal: Closed, Message: eventlog.ErrClosed.Error(), Hint: "publish again when the daemon is back"}
}
