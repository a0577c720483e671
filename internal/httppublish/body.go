package httppublish

import (
	"errors"
	"io"
	"os"
	"time"
)

// Body is the body of a request, as its door reads it.
type Body interface {
	// Read returns ErrMalformed if the body is not what its framing says, ErrStopping if the daemon
	// does not wait for the rest, and any other error but io.EOF if there is no client any more.
	io.Reader
	// SetReadDeadline sets until when a Read waits. It then returns os.ErrDeadlineExceeded, and
	// nothing is read after it.
	SetReadDeadline(t time.Time) error
}

// The errors of a Body that have an answer.
var (
	ErrMalformed = errors.New("the body is malformed")
	ErrStopping  = errors.New("the daemon is stopping")
)

// errGone means that the client is gone, so that nobody is to be answered.
var errGone = &failure{message: "the client is gone"}

// timeoutBytes is how much of a body has to come within Config.BodyTimeout.
const timeoutBytes = 64 << 10

// readPiece is how much is read at a time.
const readPiece = 16 << 10

// bodyFailure returns the refusal of a body that cannot be read to its end.
func bodyFailure(err error) *failure {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fail(CodeRequestTimeout, "the body took too long")
	case errors.Is(err, ErrMalformed):
		return fail(CodeBadRequest, "%v", err)
	case errors.Is(err, ErrStopping):
		return fail(CodeDraining, "the daemon is stopping; publish again when it is back")
	}
	return errGone
}

// readAll reads a body of limit bytes at most. It reserves memory as the body grows, twice over,
// for what it is decoded into.
func (p *Publication) readAll(body Body, hold *holding, limit int64) ([]byte, *failure) {
	room := min(limit, 4<<10)
	if p.head.ContentLength >= 0 {
		room = p.head.ContentLength
	}
	if !hold.grow(2 * room) {
		return nil, noMemory()
	}
	buf := make([]byte, 0, room)
	for due := int64(0); ; {
		if int64(len(buf)) >= due {
			due = int64(len(buf)) + timeoutBytes
			if err := body.SetReadDeadline(p.service.o.Now().Add(p.config.BodyTimeout)); err != nil {
				return nil, errGone
			}
		}
		if len(buf) == cap(buf) {
			if int64(len(buf)) >= limit {
				return buf, p.expectEnd(body, limit)
			}
			more := min(max(int64(len(buf)), 512), limit-int64(len(buf)))
			if !hold.grow(2 * more) {
				return nil, noMemory()
			}
			buf = append(make([]byte, 0, int64(len(buf))+more), buf...)
		}
		n, err := body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case errors.Is(err, io.EOF):
			return buf, nil
		case err != nil:
			return nil, bodyFailure(err)
		}
		if int64(len(buf)) == p.head.ContentLength {
			return buf, p.expectEnd(body, limit)
		}
	}
}

// expectEnd reads the end of a body that is as long as it may be.
func (p *Publication) expectEnd(body Body, limit int64) *failure {
	var one [1]byte
	for {
		n, err := body.Read(one[:])
		switch {
		case n > 0:
			return bodyTooLarge(limit)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return bodyFailure(err)
		}
	}
}
