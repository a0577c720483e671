package sse

import (
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxName bounds the name of an event, in bytes. Names are identifiers in programs. The bound keeps
// them from being used as a second, unlimited message.
const MaxName = 128

// MaxRetry bounds the time that a client can be told to wait before it reconnects. From 2^31 ms on, which is
// 24.8 days, timers of Node.js fire at once, and its clients would reconnect a thousand times a second.
const MaxRetry = 24 * time.Hour

// ReservedNames is the prefix of the names of the daemon's own events, such as hasses.gap.
// Publishers cannot use it, so that pages can trust such events.
const ReservedNames = "hasses."

// Event is what a publisher sends.
type Event struct {
	Name  string        // type of the event; "" is the browser's default, "message"
	Data  string        // any bytes; CR, LF and CRLF become line breaks
	Retry time.Duration // how long the client should wait before it reconnects, at most MaxRetry; 0: not stated
}

// EventError is why a field of an event is refused.
type EventError struct {
	Field  string // "event" or "retry", the names of the fields in the stream
	Reason string
	Hint   string // what to do; may be empty
}

func (e *EventError) Error() string { return fmt.Sprintf("%s %s", e.Field, e.Reason) }

// Check returns an *EventError if nobody may publish the event, because it cannot be encoded
// unchanged, or a client would take it for something else.
func (e Event) Check() error {
	if e.Name == "" && e.Retry == 0 { // as most events are
		return nil
	}
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

// nameFault returns why a name is not valid in a stream, or "".
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

// RetryOf returns a number of milliseconds as a duration. A number that does not fit becomes the
// longest duration of its sign, which [Event.Check] refuses.
func RetryOf(milliseconds int) time.Duration {
	const most = math.MaxInt64 / int64(time.Millisecond)
	return time.Duration(min(max(int64(milliseconds), -most), most)) * time.Millisecond
}
