package eventlog

import (
	"errors"

	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/sse"
)

// Message is an event and who is to get it.
type Message struct {
	// To has at least one target, and a stream that several of them reach gets the event once.
	// Streams that listen to every room are reached by any target.
	To     []names.Target
	Except string // the client id that does not get it; "" excepts nobody
	Event  sse.Event
}

// Draft is a message that was checked and has no place yet. It is not encoded either, so that a
// message that waits takes no more memory than its data.
type Draft struct {
	to     Targets
	except string
	event  sse.Event
	key    Key
}

// Key makes a message one that is appended once, at whichever node and however often it is
// published. The zero value is no key.
type Key struct {
	ID          string // identifies the message, among all publishers
	Fingerprint string // tells it from another message of the same ID
}

// NewDraft checks m. The error is an *InvalidError.
func NewDraft(m Message) (Draft, error) {
	to, err := Reduce(m.To)
	if err != nil {
		return Draft{}, err
	}
	if err := to.checkPrefixes(); err != nil {
		return Draft{}, err
	}
	if err := CheckExcept(m.Except); err != nil {
		return Draft{}, err
	}
	if err := m.Event.Check(); err != nil {
		if fault, ok := errors.AsType[*sse.EventError](err); ok {
			return Draft{}, &InvalidError{Field: fault.Field, Reason: fault.Reason, Hint: fault.Hint}
		}
		return Draft{}, err
	}
	return Draft{to: to, except: m.Except, event: m.Event}, nil
}

// Bytes returns the length of the message's data.
func (d *Draft) Bytes() int { return len(d.event.Data) }

// SetKey gives the message a key. A log that only this daemon appends to ignores it.
func (d *Draft) SetKey(k Key) { d.key = k }

// Key returns the key of the message.
func (d *Draft) Key() Key { return d.key }

// To returns the targets of the message. They are shared: the caller must not write to them.
func (d *Draft) To() Targets { return d.to }

// Except returns the client id that does not get the message, or "".
func (d *Draft) Except() string { return d.except }

// CheckExcept returns an *InvalidError unless id is the id of a client, or empty.
func CheckExcept(id string) error {
	if id == "" {
		return nil
	}
	if err := names.CheckClientID(id); err != nil {
		return &InvalidError{Field: "except", Reason: err.Error()}
	}
	return nil
}
