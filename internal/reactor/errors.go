package reactor

import "errors"

// ErrWouldBlock is returned by reads and writes that can do nothing now. It has the methods of a
// net.Error and is temporary, so that crypto/tls does not remember it. No other error of this
// package is temporary. A bare errno could be: ETIMEDOUT, the end of a dead peer, calls itself
// temporary. So errors of the kernel are wrapped.
var ErrWouldBlock error = wouldBlock{}

var (
	// ErrFull is returned by Post while the queue of posted functions is full.
	ErrFull = errors.New("reactor: too many posted functions wait")
	// ErrStopped is returned by Post after the loop has ended.
	ErrStopped = errors.New("reactor: loop has stopped")
	// ErrClosed is returned by reads and writes on a source that is not open.
	ErrClosed = errors.New("reactor: source is closed")
)

type wouldBlock struct{}

func (wouldBlock) Error() string   { return "operation would block" }
func (wouldBlock) Timeout() bool   { return false }
func (wouldBlock) Temporary() bool { return true }
