package bench

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
)

// reader parses an HTTP response as its bytes arrive: head, chunks, lines of the event stream,
// messages. It keeps at most the beginning of one line, and allocates nothing once it has seen an
// id.
type reader struct {
	form   *form // fixed
	keepID bool  // fixed: lastID is wanted

	stage   stage
	chunked bool
	status  int
	count   int  // bytes of the head, digits of a chunk's size, bytes of a line end: what the stage counts
	ext     bool // behind the digits of a chunk's size
	left    int  // bytes of the chunk to come; of a body without chunks, always enough

	line    [lineRoom]byte // the beginning of a line that came in pieces
	lineLen int            // of the whole line so far
	afterCR bool           // a LF that follows belongs to the line that ended

	isOpen bool // the current event has data, or is a gap
	event  event
	lastID []byte
}

// event is what a reader found between two blank lines.
type event struct {
	kind    kind
	message message // of kind ours
}

const (
	// lineRoom holds the part of any line that matters: "data: " with the beginning of a message,
	// or an id.
	lineRoom = 128

	// maxID is the longest id that is kept; those of servers are shorter.
	maxID = lineRoom - len("id: ")

	// maxAnswerHead is the longest head of an answer that is read.
	maxAnswerHead = 64 << 10

	// maxSizeDigits bounds the length of a chunk to what an int holds.
	maxSizeDigits = 15

	// gapEvent is the event of hassesd for events that it no longer has.
	gapEvent = "hasses.gap"
)

// stage is where in the answer a reader is.
type stage uint8

const (
	// stageHead: status line and header fields.
	stageHead stage = iota
	// stageSize: the line with the length of a chunk.
	stageSize
	// stageText: the event stream itself.
	stageText
	// stageChunkEnd: the line end behind a chunk.
	stageChunkEnd
	// stageTrailer: what follows the last chunk.
	stageTrailer
	// stageEnded: nothing may follow.
	stageEnded
)

// found is the reason why next returned.
type found uint8

const (
	// foundNothing: all bytes are used up.
	foundNothing found = iota
	// foundHead: the head is complete, status is set.
	foundHead
	// foundEvent: an event is complete.
	foundEvent
	// foundEnd: the server ended the stream properly.
	foundEnd
)

// errAnswer is the cause of all errors of a reader.
var errAnswer = errors.New("the answer is not an HTTP event stream")

// next consumes bytes of p until it finds something. After an error the reader is of no use.
func (r *reader) next(p []byte) (rest []byte, what found, err error) {
	for len(p) > 0 && what == foundNothing && err == nil {
		switch r.stage {
		case stageHead:
			p, what, err = r.head(p)
		case stageSize:
			p, err = r.size(p)
		case stageText:
			used, complete := r.text(p[:min(len(p), r.left)])
			p = p[used:]
			if r.chunked {
				if r.left -= used; r.left == 0 {
					r.enter(stageChunkEnd)
				}
			}
			if complete {
				what = foundEvent
			}
		case stageChunkEnd:
			if p[0] != "\r\n"[r.count] {
				return p, foundNothing, fmt.Errorf("%w: byte %#x behind a chunk", errAnswer, p[0])
			}
			p = p[1:]
			if r.count++; r.count == 2 {
				r.enter(stageSize)
			}
		case stageTrailer:
			p, what = r.trailer(p)
		case stageEnded:
			err = fmt.Errorf("%w: %d bytes after its end", errAnswer, len(p))
		}
	}
	return p, what, err
}

func (r *reader) enter(s stage) { r.stage, r.count, r.ext = s, 0, false }

// startText begins with an answer whose head was read already.
func (r *reader) startText(status int) {
	r.status, r.left = status, math.MaxInt
	r.enter(stageText)
}

// isWhole reports whether nothing is cut off if the connection ends here.
func (r *reader) isWhole() bool {
	return r.stage == stageEnded || r.stage == stageText && !r.chunked && r.lineLen == 0 && !r.isOpen
}

// head reads lines of the answer's head.
func (r *reader) head(p []byte) (rest []byte, what found, err error) {
	i := bytes.IndexByte(p, '\n')
	piece := p
	if i >= 0 {
		piece = p[:i]
	}
	r.keep(piece)
	if r.count += len(piece); r.count > maxAnswerHead {
		return p, foundNothing, fmt.Errorf("%w: its head is longer than %d bytes", errAnswer, maxAnswerHead)
	}
	if i < 0 {
		return nil, foundNothing, nil
	}
	p = p[i+1:]
	line := bytes.TrimSuffix(r.line[:min(r.lineLen, lineRoom)], []byte("\r"))
	r.lineLen = 0
	switch {
	case r.status == 0:
		version, code, _ := bytes.Cut(line, []byte(" "))
		code, _, _ = bytes.Cut(code, []byte(" "))
		if r.status, err = strconv.Atoi(string(code)); err != nil || r.status < 100 || !bytes.HasPrefix(version, []byte("HTTP/1.")) {
			return p, foundNothing, fmt.Errorf("%w: it begins with %.40q", errAnswer, line)
		}
	case len(line) > 0:
		name, value, _ := bytes.Cut(line, []byte(":"))
		if bytes.EqualFold(name, []byte("Transfer-Encoding")) && bytes.EqualFold(bytes.TrimSpace(value), []byte("chunked")) {
			r.chunked = true
		}
	case r.status < 200: // 103 Early Hints and the like: another head follows
		r.status = 0
	case r.chunked:
		r.enter(stageSize)
		return p, foundHead, nil
	default:
		r.enter(stageText)
		r.left = math.MaxInt
		return p, foundHead, nil
	}
	return p, foundNothing, nil
}

// size reads the length of a chunk, in hexadecimal.
func (r *reader) size(p []byte) (rest []byte, err error) {
	for i, c := range p {
		digit := hexDigit(c)
		switch {
		case c == '\n' && r.count > 0:
			if r.left == 0 {
				r.enter(stageTrailer)
			} else {
				r.enter(stageText)
			}
			return p[i+1:], nil
		case r.ext:
		case digit >= 0 && r.count < maxSizeDigits:
			r.left = r.left<<4 | digit
			r.count++
		case r.count > 0 && (c == '\r' || c == ';' || c == ' '):
			r.ext = true
		default:
			return p, fmt.Errorf("%w: byte %#x in the size of a chunk", errAnswer, c)
		}
	}
	return nil, nil
}

// hexDigit returns the value of c, or -1.
func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// trailer skips lines up to a blank one; count is the length of the line.
func (r *reader) trailer(p []byte) (rest []byte, what found) {
	for i, c := range p {
		switch c {
		case '\n':
			if r.count == 0 {
				r.enter(stageEnded)
				return p[i+1:], foundEnd
			}
			r.count = 0
		case '\r':
		default:
			r.count++
		}
	}
	return nil, foundNothing
}

// text reads lines of the event stream up to the end of an event, or of p.
func (r *reader) text(p []byte) (used int, complete bool) {
	for used < len(p) {
		rest := p[used:]
		if r.afterCR {
			r.afterCR = false
			if rest[0] == '\n' {
				used++
				continue
			}
		}
		i := lineEnd(rest)
		if i < 0 {
			r.keep(rest)
			return len(p), false
		}
		used += i + 1
		r.afterCR = rest[i] == '\r'
		line, length := rest[:i], i
		if r.lineLen > 0 {
			r.keep(line)
			line, length = r.line[:min(r.lineLen, lineRoom)], r.lineLen
			r.lineLen = 0
		}
		if length > 0 {
			r.field(line, length)
		} else if r.isOpen {
			r.isOpen = false
			return used, true
		}
	}
	return used, false
}

// lineEnd returns the index of the first CR or LF, or -1.
func lineEnd(p []byte) int {
	i := bytes.IndexByte(p, '\n')
	if i < 0 {
		return bytes.IndexByte(p, '\r')
	}
	if cr := bytes.IndexByte(p[:i], '\r'); cr >= 0 {
		return cr
	}
	return i
}

// keep stores a piece of a line, as far as there is room.
func (r *reader) keep(piece []byte) {
	if r.lineLen < lineRoom {
		copy(r.line[r.lineLen:], piece)
	}
	r.lineLen += len(piece)
}

// field reads one line of an event, of which line is all or the beginning.
func (r *reader) field(line []byte, length int) {
	name, value, hasValue := bytes.Cut(line, []byte(":"))
	length -= len(name) + 1
	if !hasValue {
		length = 0
	}
	if len(value) > 0 && value[0] == ' ' {
		value = value[1:]
		length--
	}
	switch string(name) {
	case "data":
		switch {
		case !r.isOpen:
			r.isOpen = true
			r.event.message, r.event.kind = r.form.parse(value[:min(len(value), maxHead)], length)
		case r.event.kind == ours: // our messages have one line
			r.event.kind = broken
		}
	case "event":
		if string(value) == gapEvent {
			r.isOpen, r.event = true, event{kind: gap}
		}
	case "id":
		if r.keepID && length <= maxID {
			r.lastID = append(r.lastID[:0], value...)
		}
	}
}
