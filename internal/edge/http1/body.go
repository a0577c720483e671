package http1

import (
	"bytes"

	"github.com/hassesd/hassesd/internal/edge/exchange"
)

// body decodes the body of a request (RFC 9112 sections 6 and 7.1). It is strict where parsers have
// disagreed with each other: lines end in CRLF, sizes are plain hexadecimal.
type body struct {
	step   chunkStep
	left   int64  // of the body or the chunk
	line   []byte // the part of a line that has come
	excess int64  // bytes that are not data, less what a chunk may have
	fields int    // bytes of trailer fields
	limit  int    // of them

	isAnswered bool // the rest is thrown away
}

// chunkStep is what comes next.
type chunkStep uint8

const (
	stepData    chunkStep = iota // of a body whose length is known
	stepSize                     // the line with the size of a chunk
	stepChunk                    // its data
	stepEnd                      // the CRLF after it
	stepTrailer                  // a trailer field, or the empty line that ends the body
	stepDone
)

const (
	// sizeLineMax bounds the line with the size of a chunk, which may have extensions.
	sizeLineMax = 256
	// excessMax bounds what is not data, beyond excessPerChunk for each chunk: net/http has the same
	// bounds. Without them, chunks of a byte could cost many times as much to read as they bring.
	excessMax      = 16 << 10
	excessPerChunk = 16
	// sizeDigits is how many digits a size may have, so that it cannot overflow.
	sizeDigits = 15
)

// newBody returns the decoder of a body of that length, or a chunked one if it is -1. Trailer
// fields may have limit bytes.
func newBody(length int64, limit int) *body {
	switch {
	case length < 0:
		return &body{step: stepSize, limit: limit}
	case length == 0:
		return &body{step: stepDone}
	}
	return &body{step: stepData, left: length}
}

func (b *body) isDone() bool { return b.step == stepDone }

// next decodes the beginning of p. data is a part of p, perhaps empty; rest is what is still to be
// decoded, or follows the body once isDone. It stops when p is used up, or with some data.
func (b *body) next(p []byte) (data, rest []byte, bad *exchange.Answer) {
	for len(p) > 0 {
		switch b.step {
		case stepData, stepChunk:
			n := min(int64(len(p)), b.left)
			data, p = p[:n], p[n:]
			if b.left -= n; b.left == 0 {
				b.step++ // of stepChunk
				if b.step == stepSize {
					b.step = stepDone
				}
			}
			return data, p, nil
		case stepDone:
			return nil, p, nil
		case stepSize, stepEnd, stepTrailer:
		}
		var line []byte
		var whole bool
		if line, p, whole, bad = b.takeLine(p); bad != nil {
			return nil, nil, bad
		}
		if !whole {
			return nil, nil, nil
		}
		if bad = b.takeStep(line); bad != nil {
			return nil, nil, bad
		}
	}
	return nil, nil, nil
}

// takeLine returns the next line without its CRLF, and the bytes after it. whole: it has come.
func (b *body) takeLine(p []byte) (line, rest []byte, whole bool, bad *exchange.Answer) {
	limit := sizeLineMax
	switch b.step {
	case stepEnd:
		limit = 0
	case stepTrailer:
		limit = b.limit - b.fields
	case stepData, stepSize, stepChunk, stepDone:
	}
	end := bytes.IndexByte(p, '\n')
	if end < 0 {
		if len(b.line)+len(p) > limit+1 { // the CR may have come
			return nil, nil, false, badBody("has a line that is too long")
		}
		b.line = append(b.line, p...)
		return nil, nil, false, nil
	}
	line, rest = p[:end], p[end+1:]
	if len(b.line) > 0 {
		b.line = append(b.line, line...)
		line, b.line = b.line, nil
	}
	line, hasCR := bytes.CutSuffix(line, []byte("\r"))
	switch {
	case !hasCR:
		return nil, nil, false, badBody("has a line that does not end in CR LF")
	case len(line) > limit:
		return nil, nil, false, badBody("has a line that is too long")
	case bytes.IndexByte(line, '\r') >= 0:
		return nil, nil, false, badBody("has a CR without LF")
	}
	return line, rest, true, nil
}

// takeStep acts on a line.
func (b *body) takeStep(line []byte) *exchange.Answer {
	switch b.step {
	case stepSize:
		size, ok := chunkSize(line)
		if !ok {
			return badBody("has a chunk whose size is malformed")
		}
		b.excess = max(0, b.excess+int64(len(line))+2-excessPerChunk-2*size)
		if b.excess > excessMax {
			return badBody("has too much around its chunks")
		}
		b.left, b.step = size, stepChunk
		if size == 0 {
			b.step = stepTrailer
		}
	case stepEnd:
		b.step = stepSize // the line is empty: it has no room for more
	case stepTrailer:
		if len(line) == 0 {
			b.step = stepDone
			return nil
		}
		b.fields += len(line) + 2
		if _, _, bad := cutField(line); bad != nil {
			return badBody("has a malformed trailer field")
		}
	case stepData, stepChunk, stepDone:
	}
	return nil
}

// chunkSize reads the size of a chunk, and passes over extensions.
func chunkSize(line []byte) (size int64, ok bool) {
	digits, extension, hasExtension := bytes.Cut(line, []byte(";"))
	if hasExtension {
		for _, c := range extension {
			if c < ' ' && c != '\t' || c == 0x7f {
				return 0, false
			}
		}
	}
	if len(digits) == 0 || len(digits) > sizeDigits {
		return 0, false
	}
	for _, c := range digits {
		switch {
		case isDigit(c):
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		size = size<<4 | int64(c)
	}
	return size, true
}

func badBody(what string) *exchange.Answer {
	return exchange.Hostile("the body " + what)
}
