package sse

import (
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxName is the longest name of an event in bytes. Names are identifiers of a program; the bound keeps
// them from being used as a second, unlimited message.
const MaxName = 128

// MaxRetry is the longest time that a client can be told to wait before it reconnects. From 2^31 ms on, 24.8 days, the
// timers of Node.js fire at once, and its clients would reconnect a thousand times a second.
const MaxRetry = 24 * time.Hour

// ReservedNames begins the names of the events that the daemon makes itself, as hasses.gap. No publisher can use one, so
// that pages can believe them.
const ReservedNames = "hasses."

// Event is what a publisher says.
type Event struct {
	Name  string        // type of the event; "" is the browser's default, "message"
	Data  string        // any bytes; CR, LF and CRLF become line breaks
	Retry time.Duration // asks the client to wait so long before it reconnects, at most MaxRetry; 0 says nothing
}

// EventError says which field of an event is refused, and why.
type EventError struct {
	Field  string // "event" or "retry", the names of the fields in the stream
	Reason string
	Hint   string // what to do; may be empty
}

func (e *EventError) Error() string { return fmt.Sprintf("%s %s", e.Field, e.Reason) }

// Check returns an *EventError if nobody may publish the event: it cannot be encoded without changing it, or a client
// would take it for something else.
func (e Event) Check() error {
	if reason := nameFault(e.Name); reason != "" {
		return &EventError{"event", reason, "choose a short word"}
	}
	switch {
	case strings.HasPrefix(e.Name, ReservedNames):
		return &EventError{"event", fmt.Sprintf("begins with %q, as the daemon's own do", ReservedNames), "choose another name"}
	case e.Name == "error" || e.Name == "open":
		return &EventError{
			"event", fmt.Sprintf("is %q, which EventSource itself fires about the connection", e.Name),
			"choose another name, such as app-" + e.Name,
		}
	case e.Retry < 0:
		return &EventError{"retry", "is negative", "retry is a number of milliseconds, such as 3000"}
	case e.Retry > MaxRetry:
		return &EventError{
			"retry", fmt.Sprintf("is over %d ms, which is 24 hours", MaxRetry.Milliseconds()),
			"retry is a number of milliseconds, such as 3000",
		}
	}
	return nil
}

// nameFault says why a name cannot stand in a stream; empty: it can.
func nameFault(name string) string {
	switch {
	case len(name) > MaxName:
		return fmt.Sprintf("is longer than %d bytes", MaxName)
	case strings.ContainsAny(name, "\r\n\x00"):
		return "contains a line break or a NUL"
	case !utf8.ValidString(name):
		return "is not valid UTF-8"
	}
	return ""
}

// RetryOf returns a number of milliseconds as a duration. One that no duration can hold becomes the longest of its sign,
// which [Event.Check] refuses.
func RetryOf(milliseconds int) time.Duration {
	const most = math.MaxInt64 / int64(time.Millisecond)
	return time.Duration(min(max(int64(milliseconds), -most), most)) * time.Millisecond
}
