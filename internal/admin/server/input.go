package server

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A pause ends a classic command that has no other end: back ends written for hasses write a
// message and wait. They could not send more than 2 KiB. A longer command takes several writes,
// between which a busy machine may delay the sender, so it gets more time before it counts as
// complete.
const (
	shortPause   = 50 * time.Millisecond
	longPause    = 500 * time.Millisecond
	shortCommand = 4 << 10
)

// pauseAfter returns the pause that ends a command of which pending bytes have arrived; 0 without
// one.
func pauseAfter(pending int) time.Duration {
	switch {
	case pending == 0:
		return 0
	case pending <= shortCommand:
		return shortPause
	}
	return longPause
}

// lastBytes is how much of what has already arrived is still read when the server stops.
const lastBytes = 1 << 20

// source is where an input reads.
type source interface {
	io.ReadCloser
	SetReadDeadline(t time.Time) error
	// readNow reads without waiting; os.ErrDeadlineExceeded means that nothing is there. The read
	// deadline must not have passed.
	readNow(buf []byte) (int, error)
	// cut closes at once, without an alert.
	cut()
}

// descriptor is a socket or a FIFO.
type descriptor interface {
	io.ReadCloser
	syscall.Conn
	SetReadDeadline(t time.Time) error
}

// plainSource reads a descriptor as it is.
type plainSource struct{ descriptor }

func (p plainSource) readNow(buf []byte) (int, error) { return readNow(p.descriptor, buf) }

func (p plainSource) cut() { p.Close() }

// readNow reads what a descriptor has, without waiting.
func readNow(d syscall.Conn, buf []byte) (int, error) {
	raw, err := d.SyscallConn()
	if err != nil {
		return 0, err
	}
	var n int
	var errRead error
	err = raw.Read(func(fd uintptr) bool {
		for {
			n, errRead = unix.Read(int(fd), buf)
			if !errors.Is(errRead, unix.EINTR) {
				return true
			}
		}
	})
	switch {
	case err != nil:
		return 0, err
	case errors.Is(errRead, unix.EAGAIN):
		return 0, os.ErrDeadlineExceeded
	case errRead != nil:
		return 0, errRead
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// readEvent is what a wait for input ended with.
type readEvent uint8

const (
	readData  readEvent = iota
	readPause           // nothing came for the length of a pause
	readEnd             // the peer closed, or the server stops
	readCut             // the same, but an unfinished command may not be all that the peer sent
)

// input reads one source. It tells a pause of the peer from a reader that was late itself.
type input struct {
	// Fixed after creation.
	src source
	// sealed: the bytes come over TLS, which tells an end that the peer made from one that an
	// attacker on the network made. The latter ends no command then, and neither does a pause,
	// which is as easy to make.
	sealed bool

	left int // owned by the reader: bytes that may still be read after stop

	mu       sync.Mutex // guards stopping, and the read deadline against stop
	stopping bool
}

func newInput(d descriptor) *input { return &input{src: plainSource{d}, left: lastBytes} }

func newTLSInput(src source) *input { return &input{src: src, sealed: true, left: lastBytes} }

// read waits for the next bytes, no longer than pause unless that is 0.
func (in *input) read(buf []byte, pause time.Duration) (int, readEvent) {
	if in.sealed {
		pause = 0
	}
	if !in.arm(pause) {
		return in.readLast(buf)
	}
	n, err := in.src.Read(buf)
	switch {
	case n > 0:
		return n, readData
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return 0, in.end(err)
	case in.isStopping():
		return in.readLast(buf)
	}
	// The deadline counts from before the read, and a busy machine may have let it pass while bytes
	// were waiting.
	return in.readNow(buf)
}

// arm sets the deadline; false: the server stops.
func (in *input) arm(pause time.Duration) bool {
	var deadline time.Time
	if pause > 0 {
		deadline = time.Now().Add(pause)
	}
	return in.armUntil(deadline)
}

// armUntil sets the deadline to a time; false: the server stops.
func (in *input) armUntil(deadline time.Time) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.stopping {
		return false
	}
	return in.src.SetReadDeadline(deadline) == nil
}

// stop makes the reader end once it has read what is already there.
func (in *input) stop() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.stopping = true
	_ = in.src.SetReadDeadline(time.Unix(1, 0)) // fails only on a source that is closed, whose reader has ended
}

func (in *input) isStopping() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.stopping
}

// readLast reads what is already there, within lastBytes.
func (in *input) readLast(buf []byte) (int, readEvent) {
	n, event := in.readNow(buf[:min(len(buf), in.left)])
	in.left -= n
	if event == readPause {
		event = in.end(os.ErrDeadlineExceeded)
	}
	return n, event
}

// readNow reads without waiting: readPause means that there is nothing.
func (in *input) readNow(buf []byte) (int, readEvent) {
	if len(buf) == 0 || in.src.SetReadDeadline(time.Time{}) != nil {
		return 0, in.end(os.ErrClosed)
	}
	n, err := in.src.readNow(buf)
	switch {
	case n > 0:
		return n, readData
	case errors.Is(err, os.ErrDeadlineExceeded):
		return 0, readPause
	}
	return 0, in.end(err)
}

// end returns the event for the error with which reading ended.
func (in *input) end(err error) readEvent {
	if in.sealed && !errors.Is(err, io.EOF) {
		return readCut
	}
	return readEnd
}
