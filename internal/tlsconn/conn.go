package tlsconn

import (
	"crypto/tls"
	"errors"
)

// MaxSeal is the most plaintext that fits one TLS record, and so one [Conn.Seal].
const MaxSeal = 16 << 10

// Descriptor is a non-blocking byte stream, a socket as a rule. When a call would block it returns a net.Error whose
// Temporary is true and whose Timeout is false (not a bare EAGAIN, which cannot be told from ETIMEDOUT); interrupted
// calls are its own business. Read returns io.EOF at the end. Write may take fewer bytes than it is given, with or
// without such an error, and does not keep them. It is used by one goroutine at a time.
type Descriptor interface {
	Read(p []byte) (int, error)
	Write(p []byte) (int, error)
}

// Conn is the server's side of a TLS connection over a Descriptor, which it never closes. After the handshake none of
// its methods waits, and all of them belong to one owner; see [Conn.Start] for the time before.
type Conn struct {
	tls  *tls.Conn // fixed after Server
	wire wire

	// Owned like wire.
	readErr error // the first lasting error of ReadPlain
}

// Server returns a connection over d that waits for Start; see Init.
func Server(d Descriptor, cfg *tls.Config) *Conn {
	c := &Conn{}
	c.Init(d, cfg)
	return c
}

// Init makes the zero value a connection over d that waits for Start, where it lies: within what it belongs to, it is an
// object less for the collector and a cache line less for each record. The configuration is shared, not copied and not
// changed; it should set DynamicRecordSizingDisabled, so that each Seal makes one record.
func (c *Conn) Init(d Descriptor, cfg *tls.Config) {
	c.wire.out.d = d
	c.wire.hs.Store(newHandshake())
	c.tls = tls.Server(&c.wire, cfg)
}

// ReadPlain reads decrypted bytes into p, which must not be empty. It returns bytes or an error, never both: the
// descriptor's own error when it would block before the peer's next record is complete; io.EOF after close_notify and
// where the stream ends between two records; io.ErrUnexpectedEOF where it ends inside one; any other error ends the
// connection. A read may leave output, the answer to a KeyUpdate or an alert, so Flush follows the last one. Unread
// bytes may already be inside the connection: read until it would block before waiting for the descriptor.
func (c *Conn) ReadPlain(p []byte) (int, error) {
	c.mustBeOpen()
	if c.readErr != nil {
		return 0, c.readErr
	}
	if c.wire.drained {
		if err := c.wire.lookAhead(p); err != nil {
			return 0, err
		}
	}
	n, err := c.tls.Read(p)
	if errors.Is(c.wire.out.err, ErrBacklog) {
		err = ErrBacklog // crypto/tls keeps a failed answer for the next write, and this peer may never get one
	}
	c.wire.drained = err != nil && wouldBlock(err)
	if c.wire.drained {
		c.shrink()
	}
	if err != nil && !c.wire.drained {
		c.readErr = err
	}
	if n > 0 {
		return n, nil
	}
	return 0, err
}

// Seal encrypts p, at most MaxSeal bytes, writes what the descriptor takes and keeps the rest. It is meant for times
// when Pending is 0; otherwise the bytes queue behind those, and ErrBacklog ends the connection when they get too many.
// It does not keep p.
func (c *Conn) Seal(p []byte) error {
	c.mustBeOpen()
	if err := c.wire.out.err; err != nil {
		return err // the cause; crypto/tls may have met a consequence since
	}
	_, err := c.tls.Write(p)
	return err
}

// Flush writes pending output; wantWrite asks for another call when the descriptor is writable. It works after a failed
// handshake too, for the alert.
func (c *Conn) Flush() (wantWrite bool, err error) {
	c.mustBeOpen()
	return c.wire.out.flush()
}

// Pending returns how many sealed bytes wait for the descriptor.
func (c *Conn) Pending() int {
	c.mustBeOpen()
	return len(c.wire.out.rest)
}

// CloseNotify queues the close_notify alert behind pending output; nothing can be sealed afterwards, and reading goes
// on. The connection is shut properly once Flush wants no more.
func (c *Conn) CloseNotify() error {
	c.mustBeOpen()
	return c.tls.CloseWrite()
}

// Version returns the TLS version, tls.VersionTLS13 for instance.
func (c *Conn) Version() uint16 { return c.state().Version }

// CipherSuite returns the cipher suite, tls.TLS_AES_128_GCM_SHA256 for instance.
func (c *Conn) CipherSuite() uint16 { return c.state().CipherSuite }

// ServerName returns the name the client asked for, or "". It is a stranger's text.
func (c *Conn) ServerName() string { return c.state().ServerName }

// Protocol returns the application protocol agreed on (ALPN), or "" if the client offered none.
func (c *Conn) Protocol() string { return c.state().NegotiatedProtocol }

func (c *Conn) state() tls.ConnectionState {
	c.mustBeOpen()
	return c.tls.ConnectionState()
}

// mustBeOpen guards what belongs to the handshake's goroutine until done is called.
func (c *Conn) mustBeOpen() {
	if c.wire.hs.Load() != nil {
		panic("tlsconn: internal error: connection used before its handshake has ended")
	}
}
