package tlsconn

// Plain is a connection without TLS that has the methods of Conn, for listeners behind a proxy that
// terminates TLS. Its handshake is empty.
type Plain struct {
	out     output
	readErr error
}

// NewPlain returns a connection over d, which it never closes.
func NewPlain(d Descriptor) *Plain {
	return &Plain{out: output{d: d}}
}

// Start calls done(nil) at once, on the caller's goroutine.
func (c *Plain) Start(_ *Gate, done func(error)) { done(nil) }

// Wake does nothing: there is no handshake to wake.
func (c *Plain) Wake() {}

// Abort does nothing: there is no handshake to end.
func (c *Plain) Abort(error) {}

// ReadPlain reads into p, which must not be empty. It returns bytes, the descriptor's error if it
// would block, or a permanent error; io.EOF at the end.
func (c *Plain) ReadPlain(p []byte) (int, error) {
	if c.readErr != nil {
		return 0, c.readErr
	}
	n, err := input(c.out.d, p)
	if err != nil && !wouldBlock(err) {
		c.readErr = err
	}
	return n, err
}

// Seal writes the part of p that the descriptor accepts and keeps the rest; see [Conn.Seal].
func (c *Plain) Seal(p []byte) error { return c.out.write(p) }

// Flush writes pending output. wantWrite reports whether to call it again when the descriptor is
// writable.
func (c *Plain) Flush() (wantWrite bool, err error) { return c.out.flush() }

// Pending returns how many bytes wait for the descriptor.
func (c *Plain) Pending() int { return len(c.out.rest) }

// CloseNotify does nothing: the owner of the descriptor shuts it down after Flush.
func (c *Plain) CloseNotify() error { return nil }

// Version returns 0: no TLS.
func (c *Plain) Version() uint16 { return 0 }

// CipherSuite returns 0: no TLS.
func (c *Plain) CipherSuite() uint16 { return 0 }

// ServerName returns "": no TLS, no name.
func (c *Plain) ServerName() string { return "" }
