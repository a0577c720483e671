package bench

import (
	"net"
	"time"

	"github.com/hassesd/hassesd/internal/reactor"
)

// wire is the transport below the tls.Conn of a stream. During the handshake and the request it is
// the dialled connection, whose reads wait. Afterwards it returns what the loop has read, and then
// that it would block, in the one way that crypto/tls does not remember.
type wire struct {
	conn net.Conn // nil once the loop owns the stream

	// Owned by the loop.
	in  []byte // read from the descriptor, not yet by crypto/tls; the loop's buffer
	out func(p []byte) (int, error)
}

// Read implements net.Conn for crypto/tls.
func (w *wire) Read(p []byte) (int, error) {
	if w.conn != nil {
		return w.conn.Read(p)
	}
	if len(w.in) == 0 {
		return 0, reactor.ErrWouldBlock
	}
	n := copy(p, w.in)
	w.in = w.in[n:]
	return n, nil
}

// Write implements net.Conn for crypto/tls.
func (w *wire) Write(p []byte) (int, error) {
	if w.conn != nil {
		return w.conn.Write(p)
	}
	return w.out(p)
}

// Close does nothing: the descriptor belongs to the dialer, and then to the loop.
func (w *wire) Close() error { return nil }

// LocalAddr returns a placeholder that is never nil.
func (w *wire) LocalAddr() net.Addr { return wireAddr{} }

// RemoteAddr returns a placeholder that is never nil.
func (w *wire) RemoteAddr() net.Addr { return wireAddr{} }

// SetDeadline sets the deadline of the dialled connection; the loop has deadlines of its own.
func (w *wire) SetDeadline(t time.Time) error {
	if w.conn != nil {
		return w.conn.SetDeadline(t)
	}
	return nil
}

// SetReadDeadline does nothing; see SetDeadline.
func (w *wire) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing; see SetDeadline.
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// wireAddr is an address for crypto/tls, which has no use for one.
type wireAddr struct{}

func (wireAddr) Network() string { return "bench" }
func (wireAddr) String() string  { return "stream" }
