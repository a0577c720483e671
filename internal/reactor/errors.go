package reactor

import "errors"

// ErrWouldBlock is returned by reads and writes that can do nothing now. Its
// value has the methods of a net.Error, with Temporary true, so that crypto/tls
// does not remember it. No other error of this package is temporary in that
// sense; a bare errno would be (ETIMEDOUT, the end of a dead peer, says so of
// itself), which is why errors of the kernel are wrapped.
var ErrWouldBlock error = wouldBlock{}

var (
	// ErrFull is returned by Post when as many functions wait as may.
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
