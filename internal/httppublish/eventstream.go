package httppublish

import (
	"bytes"

	"github.com/hassesd/hassesd/internal/sse"
)

// streamParser reads an event stream (WHATWG HTML, section 9.2.6, "Interpreting an event stream"),
// however it is cut into pieces. It holds one event at most: data of limit bytes, a name, and the
// beginning of a line.
type streamParser struct {
	limit int // of the data of an event

	begun   int              // how many bytes of a byte order mark have come; markDone: it is over
	after   bool             // the last byte was a CR: an LF that follows belongs to it
	field   lineField        // what the line under way is
	name    []byte           // of the field, while it is not known
	isFirst bool             // the next byte is the first of a value, where a space is dropped
	data    []byte           // each line with an LF
	event   []byte           // the name of the event
	grown   func(n int) bool // is told that the parser holds n bytes more, or fewer, and reports whether there is room
	err     *failure
}

// lineField is what a line turns out to be.
type lineField uint8

const (
	fieldNone    lineField = iota // the line is empty so far
	fieldUnknown                  // its name is coming
	fieldData
	fieldEvent
	fieldIgnored // a comment, id:, retry: or one that nobody knows
)

var lineFeed = []byte{'\n'} //nolint:gochecknoglobals // a constant in all but the language

const (
	byteOrderMark = "\xEF\xBB\xBF"
	markDone      = len(byteOrderMark) + 1
)

// feed reads a piece and calls emit with each event whose blank line has come. It returns the first
// error, of the stream or of emit, and reads nothing after it.
func (s *streamParser) feed(p []byte, emit func(sse.Event) *failure) *failure {
	if s.begun < markDone {
		p = s.skipMark(p)
	}
	for len(p) > 0 && s.err == nil {
		if s.after {
			s.after = false
			if p[0] == '\n' {
				p = p[1:]
				continue
			}
		}
		end := bytes.IndexAny(p, "\r\n")
		if end < 0 {
			s.line(p)
			break
		}
		s.line(p[:end])
		s.after = p[end] == '\r'
		p = p[end+1:]
		if s.err == nil {
			s.endLine(emit)
		}
	}
	return s.err
}

// skipMark drops a byte order mark at the beginning of the stream.
func (s *streamParser) skipMark(p []byte) []byte {
	for len(p) > 0 && s.begun < len(byteOrderMark) {
		if p[0] != byteOrderMark[s.begun] {
			begun := byteOrderMark[:s.begun] // it was none, but part of a line
			s.begun = markDone
			s.line([]byte(begun))
			return p
		}
		s.begun++
		p = p[1:]
	}
	if s.begun == len(byteOrderMark) {
		s.begun = markDone
	}
	return p
}

// line reads a piece of a line, without its end.
func (s *streamParser) line(p []byte) {
	if len(p) == 0 {
		return
	}
	if s.field == fieldNone {
		s.field = fieldUnknown
	}
	if s.field == fieldUnknown {
		colon := bytes.IndexByte(p, ':')
		if colon < 0 {
			s.name = append(s.name, p[:min(len(p), len("event")+1-len(s.name))]...) // longer is unknown anyway
			return
		}
		s.name = append(s.name, p[:min(colon, len("event")+1-len(s.name))]...)
		s.setField()
		s.isFirst = true
		p = p[colon+1:]
	}
	if len(p) > 0 && s.isFirst {
		s.isFirst = false
		if p[0] == ' ' {
			p = p[1:]
		}
	}
	switch s.field {
	case fieldData:
		s.addData(p)
	case fieldEvent:
		s.event = append(s.event, p[:min(len(p), sse.MaxName+1-len(s.event))]...) // longer is refused anyway
	case fieldIgnored, fieldNone, fieldUnknown:
	}
}

// setField decides what the line is, by its name.
func (s *streamParser) setField() {
	switch string(s.name) {
	case "data":
		s.field = fieldData
	case "event":
		s.field = fieldEvent
		s.event = s.event[:0] // the last one counts
	default:
		s.field = fieldIgnored
	}
	s.name = s.name[:0]
}

func (s *streamParser) addData(p []byte) {
	before := cap(s.data)
	s.data = append(s.data, p...)
	if grown := cap(s.data) - before; grown > 0 && !s.grown(grown) {
		s.err = noMemory()
	}
	if len(s.data) > s.limit+1 { // the last LF is dropped
		s.err = fail(CodeTooLarge, "an event has more than %d bytes of data, which is the limit; send less, or raise limits.message_bytes", s.limit)
	}
}

// endLine acts on the end of a line.
func (s *streamParser) endLine(emit func(sse.Event) *failure) {
	if s.field == fieldNone {
		s.dispatch(emit)
		return
	}
	if s.field == fieldUnknown { // a line without a colon is a name without a value
		s.setField()
	}
	if s.field == fieldData {
		s.addData(lineFeed)
	}
	s.field, s.isFirst = fieldNone, false
}

// keptData is how much room for data is kept for the next event.
const keptData = 4 << 10

// dispatch emits the event, if it has data. An event without any is none.
func (s *streamParser) dispatch(emit func(sse.Event) *failure) {
	if len(s.data) > 0 {
		s.err = emit(sse.Event{Name: string(s.event), Data: string(s.data[:len(s.data)-1])})
	}
	s.event = s.event[:0]
	if cap(s.data) > keptData {
		s.grown(-cap(s.data))
		s.data = nil
	}
	s.data = s.data[:0]
}

// isMidEvent reports whether an event has begun that is not complete.
func (s *streamParser) isMidEvent() bool {
	return len(s.data) > 0 || s.field == fieldData || s.field == fieldUnknown && string(s.name) == "data"
}
