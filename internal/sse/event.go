package sse

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxName is the longest name of an event in bytes. Names are identifiers of a program; the bound keeps
// them from being used as a second, unlimited message.
const MaxName = 128

// Event is what a publisher says.
type Event struct {
	Name  string        // type of the event; "" is the browser's default, "message"
	Data  string        // any bytes; CR, LF and CRLF become line breaks
	Retry time.Duration // asks the client to wait so long before it reconnects; 0 says nothing
}

// EventError says which field of an event cannot be encoded.
type EventError struct {
	Field  string // "event" or "retry", the names of the fields in the stream
	Reason string
}

func (e *EventError) Error() string { return fmt.Sprintf("%s %s", e.Field, e.Reason) }

// Check returns an *EventError if the event cannot be encoded without changing it.
func (e Event) Check() error {
	switch {
	case len(e.Name) > MaxName:
		return &EventError{"event", fmt.Sprintf("is longer than %d bytes", MaxName)}
	case strings.ContainsAny(e.Name, "\r\n\x00"):
		return &EventError{"event", "contains a line break or a NUL"}
	case !utf8.ValidString(e.Name):
		return &EventError{"event", "is not valid UTF-8"}
	case e.Retry < 0:
		return &EventError{"retry", "is negative"}
	}
	return nil
}
