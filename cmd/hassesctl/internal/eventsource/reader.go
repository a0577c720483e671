// Package eventsource subscribes to event streams the way browsers do.
package eventsource

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/hassesd/hassesd/internal/sse"
)

// Event is one event as a browser's EventSource dispatches it.
type Event struct {
	ID   string `json:"id"`    // the last event id of the stream at this event
	Type string `json:"event"` // "message" when the stream named none
	Data string `json:"data"`
}

// Reader reads an event stream by the rules of the HTML standard, section 9.2.6 (interpreting an
// event stream). It is our own because libraries hide what tail needs to resume as a browser does:
// the last event id also counts if its event had no data, and retry: counts in blocks that dispatch
// nothing. A line end is no part of any character, so that each line is decoded by itself.
type Reader struct {
	r     *bufio.Reader
	bound int // bytes of one event's fields

	started   bool // the place where a byte order mark may stand is past
	afterCR   bool // a LF that follows belongs to the line that ended
	line      []byte
	data      []byte
	eventType string
	nextID    string // the "last event ID buffer"

	lastID string
	retry  time.Duration
	asked  bool // retry was set by the stream
}

// ErrEventTooLarge is the end of a stream with an event over the bound.
var ErrEventTooLarge = errors.New("an event of the stream is larger than any message of hassesd")

// NewReader continues a stream whose last event id was lastID. An event may have up to bound bytes.
func NewReader(r io.Reader, lastID string, bound int) *Reader {
	return &Reader{r: bufio.NewReader(r), bound: bound, nextID: lastID, lastID: lastID}
}

// LastID returns what to send as Last-Event-ID to resume the stream.
func (er *Reader) LastID() string { return er.lastID }

// Retry returns how long the stream asks to wait before that, if it does.
func (er *Reader) Retry() (time.Duration, bool) { return er.retry, er.asked }

// Next waits for the next event. An event that the end of the stream cuts off is dropped, as the
// standard says.
func (er *Reader) Next() (Event, error) {
	for {
		if err := er.readLine(); err != nil {
			return Event{}, err
		}
		if len(er.line) > 0 {
			er.field()
			continue
		}
		er.lastID = er.nextID
		eventType, data := er.eventType, er.data
		er.eventType, er.data = "", er.data[:0]
		if len(data) == 0 {
			continue
		}
		if eventType == "" {
			eventType = "message"
		}
		return Event{ID: er.lastID, Type: eventType, Data: string(data[:len(data)-1])}, nil
	}
}

// IsWithinEvent reports whether an event has begun, and its blank line has not come: after an error,
// whether that cut an event off. A line that is not complete counts, unless it is a comment.
func (er *Reader) IsWithinEvent() bool {
	return len(er.line) > 0 && er.line[0] != ':' || len(er.data) > 0 || er.eventType != ""
}

// readLine stores the next line, without its end, in er.line. A line ends at its CR: the next byte
// may be long in coming.
func (er *Reader) readLine() error {
	er.line = er.line[:0]
	for {
		b, err := er.r.ReadByte()
		if err != nil {
			return err
		}
		if er.afterCR {
			er.afterCR = false
			if b == '\n' {
				continue
			}
		}
		if b == '\n' || b == '\r' {
			er.afterCR = b == '\r'
			er.dropByteOrderMark()
			return nil
		}
		if len(er.line)+len(er.data) >= er.bound {
			return ErrEventTooLarge
		}
		er.line = append(er.line, b)
	}
}

func (er *Reader) dropByteOrderMark() {
	if !er.started {
		er.started = true
		er.line = bytes.TrimPrefix(er.line, []byte("\uFEFF"))
	}
}

// field processes a line that is not empty. A comment has an empty name, and unknown names are
// ignored.
func (er *Reader) field() {
	name, value, _ := bytes.Cut(er.line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "data":
		er.data = append(append(er.data, decodeUTF8(value)...), '\n')
	case "event":
		er.eventType = decodeUTF8(value)
	case "id":
		if !bytes.ContainsRune(value, 0) {
			er.nextID = decodeUTF8(value)
		}
	case "retry":
		er.setRetry(string(value))
	}
}

// maxRetry bounds what a mistake of the server can do.
const maxRetry = sse.MaxRetry

func (er *Reader) setRetry(value string) {
	if value == "" || strings.Trim(value, "0123456789") != "" {
		return
	}
	er.retry, er.asked = maxRetry, true
	if ms, err := strconv.ParseInt(value, 10, 64); err == nil && ms < maxRetry.Milliseconds() {
		er.retry = time.Duration(ms) * time.Millisecond
	}
}
