package publish

import (
	"errors"
	"fmt"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/names"
)

// Refusal is why a message is refused: a closed set.
type Refusal uint8

// The refusals.
const (
	Invalid    Refusal = iota // a field of the message is wrong
	NotGranted                // it is for rooms that its source may not publish to
	TooLarge                  // its data is longer than limits.message_bytes
	Overloaded                // the event loops were behind, or memory short, for too long
	Closed                    // the daemon is about to end
	KeyReused                 // its idempotency key was used for another message
	LogFull                   // the brokers have no room for the log of the cluster
	LogAway                   // the log of the cluster was out of reach, or has not answered, for too long

	refusals = iota
)

var refusalNames = [refusals]string{"invalid", "not_granted", "too_large", "overloaded", "closed", "key_reused", "log_full", "log_away"}

// String returns the refusal's name in counters.
func (r Refusal) String() string { return refusalNames[r] }

// Refusals lists all of them.
func Refusals() []Refusal {
	return []Refusal{Invalid, NotGranted, TooLarge, Overloaded, Closed, KeyReused, LogFull, LogAway}
}

// Error is the refusal of a message.
type Error struct {
	Refusal Refusal
	Field   string // that is wrong: "to", "except", "event", "retry" or "key"; empty if it is none of them
	Message string // what is wrong, for people
	Hint    string // what to do next; may be empty
}

func (e *Error) Error() string { return e.Message }

func tooLarge(size, limit int) *Error {
	return &Error{
		Refusal: TooLarge,
		Message: fmt.Sprintf("the message has %d bytes and the limit is %d", size, limit),
		Hint:    "send less, or raise limits.message_bytes",
	}
}

// tooLong returns the refusal of a message that the log cannot hold.
func tooLong(err error) *Error {
	return &Error{
		Refusal: TooLarge, Message: err.Error(),
		Hint: "send less, or in longer lines: each line and each target adds a few bytes; or raise max_payload of the brokers",
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

// away is the refusal of a message that the log has not got.
func away() *Error {
	return &Error{
		Refusal: LogAway, Message: eventlog.ErrAway.Error(),
		Hint: "publish again a little later, or at another node",
	}
}

// unanswered is the refusal of a message that may have been published.
func unanswered() *Error {
	return &Error{
		Refusal: LogAway, Message: eventlog.ErrUnanswered.Error(),
		Hint: "publish again with the same idempotency key: the message then comes once; without one it may come twice",
	}
}

func logFull() *Error {
	return &Error{
		Refusal: LogFull, Message: eventlog.ErrFull.Error(),
		Hint: "publish again later; an operator has to give JetStream more storage, or remove other streams",
	}
}

func closed() *Error {
	return &Error{Refusal: Closed, Message: eventlog.ErrClosed.Error(), Hint: "publish again when the daemon is back"}
}

func badKey() *Error {
	return &Error{
		Refusal: Invalid, Field: "key",
		Message: "the idempotency key is not 1 to 128 visible ASCII characters",
		Hint:    "use a random one for each message, such as a UUID",
	}
}

func keyReused() *Error {
	return &Error{
		Refusal: KeyReused, Field: "key",
		Message: "the idempotency key was used for another message",
		Hint:    "use a new key for each message, and the same key only to send the same message again",
	}
}
