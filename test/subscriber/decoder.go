package subscriber

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"
)

// Event is what a browser would hand to a page.
type Event struct {
	ID   string // the last event id after this event
	Name string // "message" when the stream did not name it
	Data string
}

// Decoder decodes an event stream by the rules of the WHATWG HTML standard, section "Server-sent events". It shares
// no code with the daemon. It is not for use by several goroutines.
type Decoder struct {
	lines *bufio.Scanner

	lastID   string // of the last frame that ended, as EventSource keeps it
	retry    time.Duration
	comments int
	frames   int // frames ended, with data or without

	name string // of the frame being read
	id   string
	data strings.Builder
}

// maxLine bounds one line: the largest message (16 MiB) and its field name.
const maxLine = 17 << 20

// NewDecoder returns a decoder that reads from r. A connection that resumes starts with the id it resumed after.
func NewDecoder(r io.Reader, lastEventID string) *Decoder {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 0, 4096), maxLine)
	s.Split(splitLines)
	return &Decoder{lines: s, lastID: lastEventID, id: lastEventID}
}

// Next returns the next event that has data. Frames without, such as the first of a stream, only change
// LastEventID and Retry. It returns io.EOF at the end of the stream; an unfinished event is discarded.
func (d *Decoder) Next() (Event, error) {
	for {
		event, dispatched, err := d.Frame()
		if err != nil || dispatched {
			return event, err
		}
	}
}

// Frame reads up to the next empty line; dispatched reports whether it ended an event.
func (d *Decoder) Frame() (event Event, dispatched bool, err error) {
	for d.lines.Scan() {
		line := d.lines.Text()
		if line == "" {
			event, dispatched = d.endFrame()
			return event, dispatched, nil
		}
		d.field(line)
	}
	if err := d.lines.Err(); err != nil {
		return Event{}, false, err
	}
	return Event{}, false, io.EOF
}

// LastEventID is what a browser would send when it came back now.
func (d *Decoder) LastEventID() string { return d.lastID }

// Retry is the reconnection time the stream asked for last, 0 if none.
func (d *Decoder) Retry() time.Duration { return d.retry }

// Comments is the number of comment lines so far.
func (d *Decoder) Comments() int { return d.comments }

// Frames is the number of frames ended so far, with data or without.
func (d *Decoder) Frames() int { return d.frames }

func (d *Decoder) field(line string) {
	name, value, _ := strings.Cut(line, ":")
	if name == "" {
		d.comments++
		return
	}
	value = strings.TrimPrefix(value, " ")
	switch name {
	case "event":
		d.name = value
	case "data":
		d.data.WriteString(value)
		d.data.WriteByte('\n')
	case "id":
		if !strings.ContainsRune(value, 0) {
			d.id = value
		}
	case "retry":
		if ms, err := strconv.ParseUint(value, 10, 31); err == nil {
			d.retry = time.Duration(ms) * time.Millisecond
		}
	}
}

func (d *Decoder) endFrame() (Event, bool) {
	d.frames++
	d.lastID = d.id
	event := Event{ID: d.id, Name: d.name, Data: strings.TrimSuffix(d.data.String(), "\n")}
	dispatched := d.data.Len() > 0
	d.name = ""
	d.data.Reset()
	if event.Name == "" {
		event.Name = "message"
	}
	return event, dispatched
}

var errBareCR = errors.New("subscriber: a line ends with CR alone; the daemon never writes that")

// splitLines ends lines at LF or CRLF. CR alone would end a line too, and could then only come from a message that
// slipped through unencoded.
func splitLines(data []byte, atEOF bool) (int, []byte, error) {
	i := bytes.IndexByte(data, '\n')
	if i < 0 {
		if atEOF {
			return len(data), nil, nil // an unfinished line counts for nothing
		}
		return 0, nil, nil
	}
	line := bytes.TrimSuffix(data[:i], []byte("\r"))
	if bytes.IndexByte(line, '\r') >= 0 {
		return 0, nil, errBareCR
	}
	return i + 1, line, nil
}
