package tlsconn

import (
	"crypto/tls"
	"errors"
	"net"
)

// Conn is the server side of a TLS connection over a Descriptor, which it never closes. After the
// handshake, no method waits, and one owner calls them all. See [Conn.Start] for the time before.
type Conn struct {
	tls  *tls.Conn // fixed after Init
	wire wire

	// Same owner as wire.
	readErr error // the first permanent error of ReadPlain
}

// Init makes the zero value a connection over d that waits for Start. Embedding a Conn by value
// saves the garbage collector an object, and each record a cache line. The configuration is shared
// and not changed. It should set DynamicRecordSizingDisabled, so that each Seal makes one record.
func (c *Conn) Init(d Descriptor, cfg *tls.Config) {
	c.wire.out.d = d
	c.wire.hs.Store(newHandshake())
	c.tls = tls.Server(&c.wire, cfg)
}

// ReadPlain reads decrypted bytes into p, which must not be empty. It returns bytes or an error,
// never both: the descriptor's own error if it would block before the peer's next record is
// complete; io.EOF after close_notify, or if the stream ends between two records;
// io.ErrUnexpectedEOF if it ends inside one. Any other error ends the connection. A read may
// produce output, such as an alert or the reply to a KeyUpdate, so call Flush after the last read.
// The connection may hold unread bytes: read until it would block before waiting for the
// descriptor.
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
		err = ErrBacklog // crypto/tls reports a failed reply at the next write, which may never come
	}
	c.wire.drained = err != nil && wouldBlock(err)
	if c.wire.drained {
		shrinkReadBuffer(c.tls, &c.wire.room)
	}
	if err != nil && !c.wire.drained {
		c.readErr = err
	}
	if n > 0 {
		return n, nil
	}
	return 0, err
}

// Seal encrypts p, at most MaxSeal bytes, writes what the descriptor accepts and keeps the rest.
// Call it while Pending is 0. Otherwise the bytes queue behind the pending ones, and ErrBacklog
// ends the connection when they are too many. Seal does not keep p.
func (c *Conn) Seal(p []byte) error {
	c.mustBeOpen()
	if err := c.wire.out.err; err != nil {
		return err // the cause; crypto/tls may have seen a consequence since
	}
	_, err := c.tls.Write(p)
	return err
}

// Flush writes pending output. wantWrite reports whether to call it again when the descriptor is
// writable. It also works after a failed handshake, for the alert.
func (c *Conn) Flush() (wantWrite bool, err error) {
	c.mustBeOpen()
	return c.wire.out.flush()
}

// Pending returns how many sealed bytes wait for the descriptor.
func (c *Conn) Pending() int {
	c.mustBeOpen()
	return len(c.wire.out.rest)
}

// CloseNotify queues the close_notify alert behind pending output. Nothing can be sealed
// afterwards; reading still works. The alert is sent when Flush returns false.
func (c *Conn) CloseNotify() error {
	c.mustBeOpen()
	return c.tls.CloseWrite()
}

// Version returns the TLS version, tls.VersionTLS13 for instance.
func (c *Conn) Version() uint16 { return c.state().Version }

// CipherSuite returns the cipher suite, tls.TLS_AES_128_GCM_SHA256 for instance.
func (c *Conn) CipherSuite() uint16 { return c.state().CipherSuite }

// ServerName returns the name that the client asked for, or "". It is untrusted text.
func (c *Conn) ServerName() string { return c.state().ServerName }

// Protocol returns the application protocol agreed on (ALPN), or "" if the client offered none.
func (c *Conn) Protocol() string { return c.state().NegotiatedProtocol }

// Resumed reports whether the handshake went on with the session of an earlier connection.
func (c *Conn) Resumed() bool { return c.state().DidResume }

func (c *Conn) state() tls.ConnectionState {
	c.mustBeOpen()
	return c.tls.ConnectionState()
}

// mustBeOpen panics while the handshake's goroutine owns the connection.
func (c *Conn) mustBeOpen() {
	if c.wire.hs.Load() != nil {
		panic("tlsconn: internal error: connection used before its handshake has ended")
	}
}

// Start runs the handshake on its own goroutine. The goroutine's last act is to call done, exactly
// once, with nil or with the error that ended the handshake: a [HandshakeError], a [PanicError], or
// the error passed to Abort. A failed handshake may have left an alert to Flush. From Start to
// done, the goroutine owns the descriptor. After done(nil), the caller must flush and read at once:
// the handshake may have used up the last event of the descriptor, and the client's first request
// often arrives together with its Finished.
func (c *Conn) Start(g *Gate, done func(error)) {
	h := c.wire.hs.Load()
	if h == nil || !h.started.CompareAndSwap(false, true) {
		panic("tlsconn: internal error: Start called twice")
	}
	h.gate = g
	go func() {
		err := h.run(c.tls)
		c.wire.hs.Store(nil)
		done(err)
	}()
}

// Wake tells a handshake that the descriptor became readable or writable. Any goroutine may call it
// at any time. It never blocks, and does nothing after the handshake has ended.
func (c *Conn) Wake() {
	if h := c.wire.hs.Load(); h != nil {
		select {
		case h.wake <- struct{}{}:
		default:
		}
	}
}

// Abort ends a handshake that waits for its peer or for a slot, and done(err) follows. A nil err
// means net.ErrClosed. A handshake that is computing ends at its next wait, or with its
// computation. Any goroutine may call Abort at any time, even before Start. It never blocks, the
// first call wins, and it does nothing after the handshake has ended, so that done(nil) may follow
// an Abort that came too late. Unless the handshake waited for its peer, the error is an
// [ErrNotPeer] too.
func (c *Conn) Abort(err error) {
	if err == nil {
		err = net.ErrClosed
	}
	if h := c.wire.hs.Load(); h != nil {
		select {
		case h.abort <- err:
		default:
		}
	}
}
