package admin

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A pause ends a classic command that has no other end: the back ends of hasses' days write a message and wait. They
// could not send more than 2 KiB. What is longer takes several writes or several turns of the sender, between which a
// busy machine may make it wait: it gets more time before it is taken for complete.
const (
	shortPause   = 50 * time.Millisecond
	longPause    = 500 * time.Millisecond
	shortCommand = 4 << 10
)

// pauseAfter is the pause that ends a command of which pending bytes have come. 0: none is under way.
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

// source is a socket or a FIFO.
type source interface {
	io.ReadCloser
	syscall.Conn
	SetReadDeadline(t time.Time) error
}

// readEvent is what a wait for input ended with.
type readEvent uint8

const (
	readData  readEvent = iota
	readPause           // nothing came for the length of a pause
	readEnd             // the peer closed, or the server stops
)

// input reads one source, and tells a pause in what arrives from a reader that was late itself.
type input struct {
	src  source // fixed
	left int    // owned by the reader: bytes that may still be read after stop

	mu       sync.Mutex // guards stopping, and the read deadline against stop
	stopping bool
}

func newInput(src source) *input { return &input{src: src, left: lastBytes} }

// read waits for the next bytes, no longer than pause unless that is 0.
func (in *input) read(buf []byte, pause time.Duration) (int, readEvent) {
	if !in.arm(pause) {
		return in.readLast(buf)
	}
	n, err := in.src.Read(buf)
	switch {
	case n > 0:
		return n, readData
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return 0, readEnd
	case in.isStopping():
		return in.readLast(buf)
	}
	// The deadline counts from before the read, and a busy machine may have let it pass while bytes were waiting.
	return in.readNow(buf)
}

// arm sets the deadline; false: the server stops.
func (in *input) arm(pause time.Duration) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.stopping {
		return false
	}
	var deadline time.Time
	if pause > 0 {
		deadline = time.Now().Add(pause)
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
		event = readEnd
	}
	return n, event
}

// readNow reads without waiting: readPause means that there is nothing.
func (in *input) readNow(buf []byte) (int, readEvent) {
	if len(buf) == 0 || in.src.SetReadDeadline(time.Time{}) != nil {
		return 0, readEnd
	}
	raw, err := in.src.SyscallConn()
	if err != nil {
		return 0, readEnd
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
	case err == nil && n > 0:
		return n, readData
	case err == nil && errors.Is(errRead, unix.EAGAIN):
		return 0, readPause
	}
	return 0, readEnd
}
