package tlsconn

import (
	"bytes"
	"net"
	"sync/atomic"
	"time"
)

// wire is the transport below a tls.Conn. During a handshake, its reads wait. Afterwards, a read
// that would block returns the descriptor's own error, which crypto/tls does not remember. Writes
// never wait and never fail, unless the connection is dead: crypto/tls remembers every write error.
type wire struct {
	// Any goroutine: nil once the handshake has ended.
	hs atomic.Pointer[handshake]

	// Owned by the handshake's goroutine until done, then by the caller's loop.
	out   output
	ahead []byte // read by the handshake or by lookAhead, not yet by crypto/tls
	end   error  // the permanent error of lookAhead; returned after ahead

	room    int32 // the largest room of crypto/tls's read buffer; 0: unknown
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
		// The rest lies in the caller's buffer, where the plaintext goes, so it is copied. There is
		// no rest while crypto/tls reads through a bytes.Buffer.
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

// lookAhead returns the descriptor's error if it would block, and otherwise keeps the bytes for the
// next Read. It reads without an allocation, whereas crypto/tls allocates 24 bytes for each record
// that it starts to read. p is the caller's buffer for plaintext. crypto/tls reads at least
// bytes.MinRead bytes at a time, so p is free again when it writes plaintext there.
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
		if h.proof != nil {
			h.proof.sent(p)
		}
	}
	if err := w.out.write(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close does nothing: the descriptor belongs to the loop, which closes it.
func (w *wire) Close() error { return nil }

// LocalAddr returns a placeholder, never nil, because callbacks of a tls.Config may use it.
func (w *wire) LocalAddr() net.Addr { return wireAddr{} }

// RemoteAddr returns a placeholder, never nil, because callbacks of a tls.Config may use it.
func (w *wire) RemoteAddr() net.Addr { return wireAddr{} }

// SetDeadline does nothing: deadlines are timers of the loop, which calls Abort or closes the
// descriptor.
func (w *wire) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing; see SetDeadline.
func (w *wire) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing; see SetDeadline.
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// wireAddr is a placeholder for an address that this package does not know.
type wireAddr struct{}

func (wireAddr) Network() string { return "tlsconn" }
func (wireAddr) String() string  { return "unknown" }
