package tlsconn

import (
	"crypto/tls"
	"errors"
	"net"
)

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

// Start runs the handshake on a goroutine of its own. It calls done exactly once, on that goroutine, as its last act:
// with nil, or with the error that ended the handshake, which may have left an alert to Flush: a [HandshakeError], a
// [PanicError], or what was given to Abort. From Start to done the
// goroutine owns the descriptor. After done(nil) the caller flushes and reads at once: the last event of the descriptor
// may have been spent on the handshake, and the client's first request often arrives together with its Finished.
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

// Wake tells a handshake that the descriptor became readable or writable. Any goroutine may call it, at any time; it
// never blocks, and it does nothing once the handshake has ended.
func (c *Conn) Wake() {
	if h := c.wire.hs.Load(); h != nil {
		select {
		case h.wake <- struct{}{}:
		default:
		}
	}
}

// Abort ends a handshake that waits for its peer or for a slot, and done(err) follows; a nil err stands for
// net.ErrClosed. A handshake that computes at this moment ends at its next wait or with its computation. Any goroutine
// may call it, at any time, also before Start; it never blocks, the first call wins, and it does nothing once the
// handshake has ended, so that done(nil) may follow an Abort that came too late. Unless the handshake waited for its
// peer, the error is an [ErrNotPeer] too.
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
