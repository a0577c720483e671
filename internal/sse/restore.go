package sse

import (
	"bytes"
	"errors"
)

// MaxBody bounds the encoded form of an event without its id: the longest data ever accepted, 16
// MiB, if all of it is line breaks, and its name.
const MaxBody = (16<<20+1)*len("data: \n") + 1<<10

var (
	errNoEvent   = errors.New("its lines are not the fields of an event")
	errNoData    = errors.New("an event without data")
	errLongEvent = errors.New("an event that is too long")
)

// Body returns the encoded form of an event without its id. The caller must not write to it.
func (f *Frame) Body() []byte {
	if f.seq == 0 {
		return f.bytes
	}
	return f.bytes[bytes.IndexByte(f.bytes, '\n')+1:]
}

// Restore returns the frame of an event from its id and its Body, which was stored elsewhere. It
// refuses a body that Draft.Frame could not have written. The frame does not share memory with the
// body.
func Restore(id ID, body []byte) (*Frame, error) {
	if !ValidEpoch(id.Epoch) || id.Seq == 0 {
		return nil, errors.New("an event needs an id")
	}
	if err := checkBody(body); err != nil {
		return nil, err
	}
	var line [headroom]byte
	head := append(id.Append(append(line[:0], "id: "...)), '\n')
	text := make([]byte, 0, len(head)+len(body))
	return &Frame{bytes: append(append(text, head...), body...), seq: id.Seq}, nil
}

// checkBody checks that a body has the fields of an event in their order: a name, a retry, and
// data.
func checkBody(body []byte) error {
	if len(body) > MaxBody {
		return errLongEvent
	}
	if bytes.IndexByte(body, '\r') >= 0 {
		return errNoEvent
	}
	rest := body
	if name, after, ok := cutField(rest, "event: "); ok {
		if nameFault(string(name)) != "" || len(name) == 0 {
			return errNoEvent
		}
		rest = after
	}
	if retry, after, ok := cutField(rest, "retry: "); ok {
		if len(retry) == 0 || len(bytes.Trim(retry, "0123456789")) > 0 {
			return errNoEvent
		}
		rest = after
	}
	lines := 0
	for {
		_, after, ok := cutField(rest, "data: ")
		if !ok {
			break
		}
		rest = after
		lines++
	}
	switch {
	case string(rest) != "\n":
		return errNoEvent
	case lines == 0:
		return errNoData
	}
	return nil
}

// cutField returns the value of the field at the start of text, and the rest.
func cutField(text []byte, name string) (value, rest []byte, ok bool) {
	line, ok := bytes.CutPrefix(text, []byte(name))
	if !ok {
		return nil, text, false
	}
	end := bytes.IndexByte(line, '\n')
	if end < 0 {
		return nil, text, false
	}
	return line[:end], line[end+1:], true
}
