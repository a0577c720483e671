package edge

import (
	"errors"
	"os"
	"sync"
	"time"

	"github.com/hassesd/hassesd/internal/httppublish"
)

// pipe carries the body of a request from its loop to the goroutine that publishes it. The loop
// writes and never waits: it stops reading from the client when the pipe is full, and is called back
// when there is room.
type pipe struct {
	// Fixed after creation.
	full int         // bytes from which on the loop should write no more
	took func(n int) // called by the reader, without the lock, when it has taken n bytes; see take

	// ready has one token when the reader should look again.
	ready chan struct{}

	mu sync.Mutex
	// Guarded by mu.
	buf   []byte // what was written and not read
	taken int    // bytes that were read and not reported
	waits bool   // the loop waits for room
	end   error  // what follows buf; nil: more may come
	isCut bool   // end comes at once, without buf

	deadline time.Time // owned by the reader
}

var _ httppublish.Body = (*pipe)(nil)

func newPipe(full int, took func(n int)) *pipe {
	return &pipe{full: full, took: took, ready: make(chan struct{}, 1)}
}

// write appends a copy of p. isFull reports whether the loop should stop until the reader has taken
// some.
func (p *pipe) write(b []byte) (isFull bool) {
	p.mu.Lock()
	p.buf = append(p.buf, b...)
	isFull = len(p.buf) >= p.full
	p.waits = p.waits || isFull
	p.mu.Unlock()
	p.wake()
	return isFull
}

// close ends the body after what was written.
func (p *pipe) close(err error) { p.finish(err, false) }

// cut ends the body at once.
func (p *pipe) cut(err error) { p.finish(err, true) }

func (p *pipe) finish(err error, isCut bool) {
	p.mu.Lock()
	if p.end == nil || isCut && !p.isCut {
		p.end = err
		p.isCut = isCut
	}
	p.mu.Unlock()
	p.wake()
}

func (p *pipe) wake() {
	select {
	case p.ready <- struct{}{}:
	default:
	}
}

// Read implements httppublish.Body.
func (p *pipe) Read(b []byte) (int, error) {
	n, report, err := p.take(b)
	for n == 0 && err == nil {
		if err := p.wait(); err != nil {
			return 0, err
		}
		n, report, err = p.take(b)
	}
	if report > 0 {
		p.took(report)
	}
	return n, err
}

// take reads what is there. It reports what was taken when the pipe is half empty, and the loop waits
// for that or half of what fits was taken: the loop is not called for each piece, nor for a short
// body.
func (p *pipe) take(b []byte) (n, report int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.isCut {
		return 0, 0, p.end
	}
	n = copy(b, p.buf)
	if p.buf = p.buf[n:]; len(p.buf) == 0 {
		p.buf = nil // an event stream may pause for hours
	}
	p.taken += n
	if (p.waits || p.taken >= p.full/2) && len(p.buf) <= p.full/2 {
		report, p.taken, p.waits = p.taken, 0, false
	}
	if n == 0 && len(b) > 0 {
		err = p.end
	}
	return n, report, err
}

// wait waits for the loop to write, until the deadline.
func (p *pipe) wait() error {
	left := time.Until(p.deadline) //nolint:forbidigo // a goroutine waits here, and its deadline is of the real clock
	if p.deadline.IsZero() {
		<-p.ready
		return nil
	}
	if left <= 0 {
		return os.ErrDeadlineExceeded
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-p.ready:
		return nil
	case <-timer.C:
		return os.ErrDeadlineExceeded
	}
}

// SetReadDeadline implements httppublish.Body.
func (p *pipe) SetReadDeadline(t time.Time) error {
	p.deadline = t
	return nil
}

// errClientGone ends the body of a request whose connection is gone.
var errClientGone = errors.New("the client is gone")
