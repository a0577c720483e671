package tlsconn

import (
	"bytes"
	"net"
	"sync/atomic"
	"time"
)

// wire is the transport below a tls.Conn. While a handshake is set its reads wait; afterwards they return the
// descriptor's error when it would block, itself, which crypto/tls does not remember. Its writes never wait and never
// refuse: crypto/tls remembers each write error for ever.
type wire struct {
	// Any goroutine: nil once the handshake has ended.
	hs atomic.Pointer[handshake]

	// Owned by the handshake's goroutine until done, then by the caller's loop.
	out   output
	ahead []byte // read by lookAhead, not yet by crypto/tls
	end   error  // the lasting error that lookAhead met; comes after ahead

	room    int32 // the most that crypto/tls had room for in its read buffer; 0: nothing is known of it
	drained bool  // the last read would have blocked: crypto/tls holds no complete record
}

var _ net.Conn = (*wire)(nil)

// Read implements net.Conn for crypto/tls.
func (w *wire) Read(p []byte) (int, error) {
	w.room = max(w.room, int32(len(p)))
	if h := w.hs.Load(); h != nil {
		return h.read(&w.out, p)
	}
	switch {
	case len(w.ahead) > 0:
		n := copy(p, w.ahead)
		// The rest would lie where the plaintext goes. There is none while crypto/tls reads through a bytes.Buffer.
		if w.ahead = w.ahead[n:]; len(w.ahead) > 0 {
			w.ahead = bytes.Clone(w.ahead)
		} else {
			w.ahead = nil // the buffer is the caller's
		}
		return n, nil
	case w.end != nil:
		return 0, w.end
	default:
		return input(w.out.d, p)
	}
}

// lookAhead returns the descriptor's error if it would block, and otherwise keeps what it reads for the next Read. It
// serves to ask the descriptor without an allocation: crypto/tls makes one of 24 bytes for each record it begins to
// read. p is the caller's buffer for plaintext; crypto/tls fetches at least bytes.MinRead bytes at a time, so nothing
// is left in it when the plaintext comes.
func (w *wire) lookAhead(p []byte) error {
	n, err := input(w.out.d, p[:min(len(p), bytes.MinRead)])
	if err != nil && wouldBlock(err) {
		return err
	}
	w.ahead, w.end = p[:n], err
	return nil
}

// Write implements net.Conn for crypto/tls.
func (w *wire) Write(p []byte) (int, error) {
	if h := w.hs.Load(); h != nil {
		h.trace.Sent(p)
	}
	if err := w.out.write(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close does nothing: the descriptor belongs to the loop, which closes it.
func (w *wire) Close() error { return nil }

// LocalAddr returns a placeholder, never nil, since callbacks of a tls.Config may ask for it.
func (w *wire) LocalAddr() net.Addr { return wireAddr{} }

// RemoteAddr returns a placeholder, never nil, since callbacks of a tls.Config may ask for it.
func (w *wire) RemoteAddr() net.Addr { return wireAddr{} }

// SetDeadline does nothing: deadlines are timers of the loop, which calls Abort or closes the descriptor.
func (w *wire) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing; see SetDeadline.
func (w *wire) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing; see SetDeadline.
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// wireAddr stands for an address that this package does not know.
type wireAddr struct{}

func (wireAddr) Network() string { return "tlsconn" }
func (wireAddr) String() string  { return "unknown" }
