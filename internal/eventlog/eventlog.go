// Package eventlog is the order of all messages.
//
// A [Log] gives each message its place: a number that only grows within an epoch, but may leave
// some out. It hands the numbered records to a [Follower], which is the hub, in that order. What is
// here is the seam between the two: the log decides, and the hub follows, wherever the log is.
//
//	draft, err := eventlog.NewDraft(eventlog.Message{To: to, Event: event})
//	receipt, err := log.Append(ctx, draft) // any goroutine
//
// Package memory has the log of a daemon of its own, package jetstream that of a cluster.
package eventlog

import (
	"context"
	"errors"

	"github.com/hassesd/hassesd/internal/sse"
)

// Log gives messages their places.
type Log interface {
	// Append returns once the log has the message: no other gets its place, and the follower has it
	// or will. Messages that are appended one after another keep their order. It may take time. The
	// error is ErrBusy when ctx ends before there was room, or ErrClosed; the message has no place
	// then. A log that is elsewhere cannot always know: after ErrUnanswered it may have the message,
	// or get it. The error can be ErrFull, a *TooLongError, or for a message with a key
	// ErrOtherMessage. The receipt of one that was appended before reports IsDuplicate.
	Append(ctx context.Context, d Draft) (*Receipt, error)

	// Follow hands f every record behind Position, in order. It is called once, before the first
	// Append.
	Follow(f Follower)

	// Position returns the id of the newest record. Its number is 0 if there was none.
	Position() sse.ID

	// Close ends appending. When it returns, the follower has every record that has a place.
	Close()
}

// ErrBusy means that a message found no room in time.
var ErrBusy = errors.New("too many messages are waiting to be delivered")

// ErrAway means that a log that is elsewhere could not be reached in time. It has not got the
// message.
var ErrAway = errors.New("the log of the cluster cannot be reached")

// ErrUnanswered means that a log that is elsewhere has not answered in time whether it has the
// message.
var ErrUnanswered = errors.New("the log of the cluster has not answered in time; the message may have been published")

// ErrFull means that the log has no room to store a message. It keeps what it has.
var ErrFull = errors.New("the brokers have no room for the log")

// ErrOtherMessage means that another message was appended with the same key.
var ErrOtherMessage = errors.New("another message was published with the same key")

// ErrClosed means that the log takes no more messages, because the daemon is about to end.
var ErrClosed = errors.New("no more messages are taken: the daemon is stopping")

// Follower applies the records of a log. Its methods never wait.
type Follower interface {
	// Apply takes the next record. It reports whether there was room; if not, nothing has changed,
	// and the log offers the record again.
	Apply(r Record) bool

	// Rebase makes id the position of the newest record: whatever comes next comes after it, and
	// what may have come since the record before is unknown. Streams are told of a gap. A log whose
	// epoch changes, or that has lost records, calls it.
	Rebase(id sse.ID)

	// HasRoom reports whether there is room for a short record, so that nobody encodes a message in
	// vain.
	HasRoom() bool

	// Space returns a channel that is closed once there is room again after Apply or HasRoom
	// returned false. If that has happened already, the channel is closed: no wake-up can be
	// missed.
	Space() <-chan struct{}
}
