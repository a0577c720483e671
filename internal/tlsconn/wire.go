package tlsconn

import (
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
	out output
}

var _ net.Conn = (*wire)(nil)

// Read implements net.Conn for crypto/tls.
func (w *wire) Read(p []byte) (int, error) {
	if h := w.hs.Load(); h != nil {
		return h.read(w, p)
	}
	return input(w.out.d, p)
}

// Write implements net.Conn for crypto/tls.
func (w *wire) Write(p []byte) (int, error) {
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
