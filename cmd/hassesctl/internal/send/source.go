package send

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/eventsource"
)

// item is one message of standard input.
type item struct {
	event string // its name; empty: none
	data  string
}

// source yields the messages of standard input, each as soon as it is complete. After the last one
// next returns io.EOF.
type source interface {
	next() (item, error)
	// remark returns what people should know about the end, or nothing.
	remark() string
}

// lines are the lines of standard input, without their ends (LF or CRLF). Empty ones are skipped; a
// last line that is not ended counts.
type lines struct {
	r      *bufio.Reader
	number int // of the line that was read last, from 1
}

func newLines(r io.Reader) *lines { return &lines{r: bufio.NewReader(r)} }

func (l *lines) next() (item, error) {
	for {
		line, err := l.read()
		if err != nil {
			return item{}, err
		}
		if !utf8.Valid(line) {
			return item{}, fmt.Errorf("line %d of standard input is not UTF-8; a stream carries nothing else", l.number)
		}
		if len(line) > 0 {
			return item{data: string(line)}, nil
		}
	}
}

// read returns the next line. It does not hold more of one than a message may have.
func (l *lines) read() ([]byte, error) {
	l.number++
	var line []byte
	for {
		part, err := l.r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil:
			return bytes.TrimSuffix(line[:len(line)-1], []byte("\r")), nil
		case errors.Is(err, bufio.ErrBufferFull) && len(line) <= maxMessage:
			continue
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, fmt.Errorf("line %d of standard input is over 16 MiB, which no daemon accepts", l.number)
		case errors.Is(err, io.EOF) && len(line) > 0:
			return line, nil
		case errors.Is(err, io.EOF):
			return nil, io.EOF
		}
		return nil, fmt.Errorf("read standard input: %w", err)
	}
}

func (l *lines) remark() string { return "" }

// events are the events of an event stream on standard input, as EventSource would dispatch them.
type events struct{ r *eventsource.Reader }

func newEvents(r io.Reader) *events { return &events{eventsource.NewReader(r, "", maxMessage)} }

func (e *events) next() (item, error) {
	event, err := e.r.Next()
	switch {
	case errors.Is(err, io.EOF):
		return item{}, io.EOF
	case errors.Is(err, eventsource.ErrEventTooLarge):
		return item{}, errors.New("an event on standard input is over 16 MiB, which no daemon accepts")
	case err != nil:
		return item{}, fmt.Errorf("read standard input: %w", err)
	case event.Type == "message": // the name that is the default, said or not
		event.Type = ""
	}
	return item{event: event.Type, data: event.Data}, nil
}

func (e *events) remark() string {
	if e.r.IsWithinEvent() {
		return "standard input ended within an event, before its blank line: that event was not sent"
	}
	return ""
}
