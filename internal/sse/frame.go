// Package sse encodes an event once into an immutable frame.
//
// The text form is the event stream of the HTML standard, section "Server-sent events". An event is
// encoded in two steps, because its number is known late. NewDraft does the work that depends on
// its size. Draft.Frame adds the number in constant time, so that it may be called under a lock:
//
//	draft, err := sse.NewDraft(sse.Event{Data: "hello"})
//	frame := draft.Frame(sse.ID{Epoch: "k3x9", Seq: 7})
//
// Nothing in an event can forge a field or a second event: line breaks of any kind in the data
// become line breaks of the data, and a name with a line break is refused.
package sse

import (
	"strconv"
	"strings"
	"time"
)

// headroom is the room in front of the body of a draft, for the longest "id: …" line.
const headroom = len("id: ") + maxIDText + len("\n")

// Frame is a piece of an event stream that ends with a blank line. It is immutable and may be
// shared by any number of streams and goroutines.
type Frame struct {
	bytes []byte
	seq   uint64
}

// Bytes returns the encoded form. The caller must not write to it.
func (f *Frame) Bytes() []byte { return f.bytes }

// Len returns the length of the encoded form in bytes.
func (f *Frame) Len() int { return len(f.bytes) }

// Seq returns the number of the event, or 0 for a frame that is not a published event (heartbeat,
// gap).
func (f *Frame) Seq() uint64 { return f.seq }

// Draft is an event encoded without its id, for one frame.
type Draft struct {
	frame *Frame
	buf   []byte // headroom, then the body
}

// NewDraft encodes e without its id. It returns the error of Event.Check for an event that Check
// refuses.
func NewDraft(e Event) (Draft, error) {
	if err := e.Check(); err != nil {
		return Draft{}, err
	}
	buf := make([]byte, headroom, headroom+bodySize(e))
	if e.Name != "" {
		buf = appendField(buf, "event", e.Name)
	}
	if e.Retry > 0 {
		buf = appendRetry(buf, e.Retry)
	}
	buf = appendData(buf, e.Data)
	buf = append(buf, '\n')
	return Draft{frame: new(Frame), buf: buf}, nil
}

// Body returns the encoded form without an id, see Frame.Body. The caller must not write to it.
func (d Draft) Body() []byte { return d.buf[headroom:] }

// Frame writes the id in front of the body and returns the frame. It takes constant time and does
// not allocate. Calling it twice on one draft is a bug in the caller, and panics.
func (d Draft) Frame(id ID) *Frame {
	if d.frame.bytes != nil {
		panic("sse: internal error: a draft was used twice")
	}
	if len(id.Epoch) > MaxEpoch {
		panic("sse: internal error: the epoch is too long")
	}
	var line [headroom]byte
	text := append(id.Append(append(line[:0], "id: "...)), '\n')
	start := headroom - len(text)
	copy(d.buf[start:], text)
	d.frame.bytes = d.buf[start:]
	d.frame.seq = id.Seq
	return d.frame
}

// bodySize returns the exact length of the body of e, so that a frame has no unused memory except
// the rest of its headroom.
func bodySize(e Event) int {
	size := len("\n")
	if e.Name != "" {
		size += len("event: \n") + len(e.Name)
	}
	if e.Retry > 0 {
		size += len("retry: \n") + len(strconv.FormatInt(milliseconds(e.Retry), 10))
	}
	lf, cr := strings.Count(e.Data, "\n"), strings.Count(e.Data, "\r")
	lines := 1 + lf + cr
	if cr > 0 {
		lines -= strings.Count(e.Data, "\r\n")
	}
	return size + lines*len("data: \n") + len(e.Data) - lf - cr
}

// appendData writes one field for each line of data. CR, LF and CRLF end a line, as they do for the
// reader of the stream.
func appendData(b []byte, data string) []byte {
	hasCR := strings.IndexByte(data, '\r') >= 0
	for {
		end := lineEnd(data, hasCR)
		if end < 0 {
			return appendField(b, "data", data)
		}
		b = appendField(b, "data", data[:end])
		if data[end] == '\r' && end+1 < len(data) && data[end+1] == '\n' {
			end++
		}
		data = data[end+1:]
	}
}

// lineEnd returns the index of the first CR or LF of s, or -1. In text without any CR, which is
// most text, it searches for one byte only, which is three times faster.
func lineEnd(s string, hasCR bool) int {
	if hasCR {
		return strings.IndexAny(s, "\r\n")
	}
	return strings.IndexByte(s, '\n')
}

func appendField(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, '\n')
}

func appendRetry(b []byte, retry time.Duration) []byte {
	b = append(b, "retry: "...)
	b = strconv.AppendInt(b, milliseconds(retry), 10)
	return append(b, '\n')
}

// milliseconds rounds up, so that a short time never becomes 0, which means "reconnect at once".
func milliseconds(d time.Duration) int64 {
	if d <= 0 {
		return 0
	}
	whole := d.Milliseconds()
	if d%time.Millisecond != 0 {
		whole++
	}
	return whole
}
