package hub

import (
	"errors"
	"fmt"
	"time"

	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/sse"
)

// Message is an event and who is to get it.
type Message struct {
	// To has at least one target, and a stream that several of them reach gets the event once. Streams that listen to
	// every room are reached by any target.
	To     []names.Target
	Except string // the client id that does not get it; "" excepts nobody
	Event  sse.Event
}

// InvalidError says which part of a message is refused, and why.
type InvalidError struct {
	Field  string // "to", "except", "event" or "retry"
	Reason string
	Hint   string // what to do; may be empty
}

func (e *InvalidError) Error() string { return e.Field + " " + e.Reason }

// TooLargeError says that the data of a message is longer than the limit.
type TooLargeError struct{ Size, Limit int } // bytes

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("message of %d bytes is over the limit of %d", e.Size, e.Limit)
}

// prepare checks m and does all the work of publishing that needs no lock.
func (m Message) prepare() (*record, sse.Draft, error) {
	to, err := reduce(m.To)
	if err == nil {
		err = checkPrefixes(to)
	}
	if err != nil {
		return nil, sse.Draft{}, err
	}
	if err := names.CheckClientID(m.Except); err != nil {
		return nil, sse.Draft{}, &InvalidError{Field: "except", Reason: err.Error()}
	}
	draft, err := sse.NewDraft(m.Event)
	if err != nil {
		var fault *sse.EventError
		if errors.As(err, &fault) {
			return nil, sse.Draft{}, &InvalidError{Field: fault.Field, Reason: fault.Reason, Hint: fault.Hint}
		}
		return nil, sse.Draft{}, err
	}
	return &record{to: to, except: m.Except}, draft, nil
}

// record is a published message. It is immutable once it is in an inbox, and shared by the history, all
// inboxes and all queues.
type record struct {
	frame  *sse.Frame
	size   int64          // what it counts against the bounds of inboxes and of the history
	to     []names.Target // reduced
	except string

	// Set by the history.
	at  time.Duration // when it was published, since history.start; never before the record in front of it
	end int64         // the sizes of all records that went into the history, up to this one
}

// targetBytes is about what it takes in memory, beside its name, that a record is found by one more target. Without it a
// message to a thousand rooms of two letters would count as nothing.
const targetBytes = 128

// finish adds the frame. The size is the frame and the names the record is found by.
func (r *record) finish(frame *sse.Frame) {
	r.frame = frame
	r.size = int64(frame.Len() + (len(r.to)-1)*targetBytes)
	for _, t := range r.to {
		r.size += int64(len(t.Name))
	}
}

// excepts reports whether the message is not for a client of that id.
func (r *record) excepts(clientID string) bool { return r.except != "" && r.except == clientID }
