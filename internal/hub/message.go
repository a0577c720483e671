package hub

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hassesd/hassesd/internal/sse"
)

// Bounds of names, in bytes.
const (
	MaxRoom     = 256
	MaxClientID = 64
)

// TargetKind says how the name of a Target is meant.
type TargetKind uint8

// The kinds of targets.
const (
	ToRoom   TargetKind = iota // the streams of the room of that name
	ToPrefix                   // the streams of every room whose name begins so
	ToAll                      // every stream; the name is empty
)

// Target is a place to send to. Streams that listen to every room are reached by any target.
type Target struct {
	Kind TargetKind
	Name string
}

// Message is an event and who is to get it.
type Message struct {
	To     []Target // at least one; a stream that several of them reach gets the event once
	Except string   // the client id that does not get it; "" excepts nobody
	Event  sse.Event
}

// InvalidError says which part of a message or a name is refused, and why.
type InvalidError struct {
	Field  string // "to", "except", "event", "retry", "room" or "id"
	Reason string
	Hint   string // what to do; may be empty
}

func (e *InvalidError) Error() string { return e.Field + " " + e.Reason }

// TooLargeError says that the data of a message is longer than the limit.
type TooLargeError struct{ Size, Limit int } // bytes

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("message of %d bytes is over the limit of %d", e.Size, e.Limit)
}

// ParseTarget reads "room", "prefix*" or "*". The error is an *InvalidError.
func ParseTarget(s string) (Target, error) {
	if s == "*" {
		return Target{Kind: ToAll}, nil
	}
	t := Target{Kind: ToRoom, Name: s}
	if prefix, ok := strings.CutSuffix(s, "*"); ok {
		t = Target{Kind: ToPrefix, Name: prefix}
	}
	return t, t.check()
}

// String is the form that ParseTarget reads.
func (t Target) String() string {
	switch t.Kind {
	case ToPrefix, ToAll:
		return t.Name + "*"
	case ToRoom:
	}
	return t.Name
}

func (t Target) check() error {
	switch t.Kind {
	case ToRoom, ToPrefix:
		if reason := roomFault(t.Name); reason != "" {
			return &InvalidError{Field: "to", Reason: reason}
		}
		return nil
	case ToAll:
		if t.Name != "" {
			return &InvalidError{Field: "to", Reason: "names a room although it means everybody"}
		}
		return nil
	}
	return &InvalidError{Field: "to", Reason: "is of no known kind"}
}

// CheckRoom returns an *InvalidError unless name is 1 to MaxRoom bytes of UTF-8 without control
// characters, ';', '=' and '*'.
func CheckRoom(name string) error {
	if reason := roomFault(name); reason != "" {
		return &InvalidError{Field: "room", Reason: reason}
	}
	return nil
}

func roomFault(name string) string {
	if name == "" {
		return "is empty"
	}
	if strings.ContainsAny(name, ";=*") {
		return "contains one of ; = *"
	}
	return textFault(name, MaxRoom)
}

// CheckClientID returns an *InvalidError unless id is at most MaxClientID bytes of UTF-8 without control
// characters. The empty id is allowed: a client need not have one.
func CheckClientID(id string) error {
	if reason := textFault(id, MaxClientID); reason != "" {
		return &InvalidError{Field: "id", Reason: reason}
	}
	return nil
}

func textFault(s string, limit int) string {
	switch {
	case len(s) > limit:
		return fmt.Sprintf("is longer than %d bytes", limit)
	case !utf8.ValidString(s):
		return "is not valid UTF-8"
	case strings.ContainsFunc(s, unicode.IsControl):
		return "contains a control character"
	}
	return ""
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
	if reason := textFault(m.Except, MaxClientID); reason != "" {
		return nil, sse.Draft{}, &InvalidError{Field: "except", Reason: reason}
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
	size   int64    // what it counts against the bounds of inboxes and of the history
	to     []Target // reduced
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
