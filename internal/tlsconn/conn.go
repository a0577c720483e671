package tlsconn

import (
	"crypto/tls"
	"errors"
	"net"
	"sync/atomic"

	"github.com/hassesd/hassesd/internal/tlsrecord"
)

// Conn is the server side of a TLS connection over a Descriptor, which it never closes. After the
// handshake, no method waits, and one owner calls them all. See [Conn.Start] for the time before.
//
// Its life is: handshaking, then kept by crypto/tls, and from [Conn.HandOver] on, if that succeeds,
// handed over. A connection that was handed over is idle or busy; idle, it is these fields and its
// keys.
type Conn struct {
	crypto atomic.Pointer[cryptoConn] // any goroutine may read it; nil: handed over

	// Owned by the caller's loop.
	d        Descriptor
	records  *Records // nil: not handed over
	busy     *busy    // nil: idle
	keys     tlsrecord.Keys
	notified bool // close_notify was sealed
}

// Init makes the zero value a connection over d that waits for Start. Embedding a Conn by value
// saves the garbage collector an object, and each record a cache line. The configuration is shared
// and not changed. It should set DynamicRecordSizingDisabled, so that each Seal makes one record.
//
// handOver: the handshake collects what [Conn.HandOver] needs. It then uses a clone of the
// configuration, which must have session ticket keys of its own, or none (SessionTicketsDisabled):
// a clone would make its own.
func (c *Conn) Init(d Descriptor, cfg *tls.Config, handOver bool) {
	c.d = d
	k := &cryptoConn{}
	k.wire.out.d = d
	h := newHandshake(d)
	if handOver {
		h.proof = newProof()
		cfg = cfg.Clone()
		cfg.KeyLogWriter = &h.proof.log
	}
	k.wire.hs.Store(h)
	k.tls = tls.Server(&k.wire, cfg)
	c.crypto.Store(k)
}

// ReadPlain reads decrypted bytes into p, which must not be empty. It returns bytes or an error,
// never both: the descriptor's own error if it would block before the peer's next record is
// complete; io.EOF after close_notify, or if the stream ends between two records;
// io.ErrUnexpectedEOF if it ends inside one. Any other error ends the connection. A read may
// produce output, such as an alert or the reply to a KeyUpdate, so call Flush after the last read.
// The connection may hold unread bytes: read until it would block before waiting for the
// descriptor.
func (c *Conn) ReadPlain(p []byte) (int, error) {
	if k := c.open(); k != nil {
		return k.readPlain(p)
	}
	return c.readRecords(p)
}

// Seal encrypts p, at most MaxSeal bytes, writes what the descriptor accepts and keeps the rest.
// Call it while Pending is 0. Otherwise the bytes queue behind the pending ones, and ErrBacklog
// ends the connection when they are too many. Seal does not keep p.
func (c *Conn) Seal(p []byte) error {
	if k := c.open(); k != nil {
		return k.seal(p)
	}
	return c.sealRecord(p)
}

// Flush writes pending output. wantWrite reports whether to call it again when the descriptor is
// writable. It also works after a failed handshake, for the alert.
func (c *Conn) Flush() (wantWrite bool, err error) {
	if k := c.open(); k != nil {
		return k.wire.out.flush()
	}
	return c.flushRecords()
}

// Pending returns how many sealed bytes wait for the descriptor.
func (c *Conn) Pending() int {
	switch k := c.open(); {
	case k != nil:
		return len(k.wire.out.rest)
	case c.busy != nil:
		return len(c.busy.out.rest)
	}
	return 0
}

// CloseNotify queues the close_notify alert behind pending output. Nothing can be sealed
// afterwards; reading still works. The alert is sent when Flush returns false.
func (c *Conn) CloseNotify() error {
	if k := c.open(); k != nil {
		return k.closeNotify()
	}
	return c.notifyClose()
}

// Version returns the TLS version, tls.VersionTLS13 for instance. It must not be called after
// HandOver, like the other methods that return what was agreed on.
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
	k := c.open()
	if k == nil {
		panic("tlsconn: internal error: asked what was agreed on after the handover")
	}
	return k.tls.ConnectionState()
}

// open returns what keeps the records if it is crypto/tls. It panics while the handshake's
// goroutine owns the connection.
func (c *Conn) open() *cryptoConn {
	k := c.crypto.Load()
	if k != nil && k.wire.hs.Load() != nil {
		panic("tlsconn: internal error: connection used before its handshake has ended")
	}
	return k
}

// Start runs the handshake on its own goroutine. The goroutine's last act is to call done, exactly
// once, with nil or with the error that ended the handshake: a [HandshakeError], a [PanicError], or
// the error passed to Abort. A failed handshake may have left an alert to Flush. From Start to
// done, the goroutine owns the descriptor. After done(nil), the caller must flush and read at once:
// the handshake may have used up the last event of the descriptor, and the client's first request
// often arrives together with its Finished.
func (c *Conn) Start(g *Gate, done func(error)) {
	k := c.crypto.Load()
	var h *handshake
	if k != nil {
		h = k.wire.hs.Load()
	}
	if h == nil || !h.started.CompareAndSwap(false, true) {
		panic("tlsconn: internal error: Start called twice")
	}
	h.gate = g
	go func() {
		err := h.run(k.tls)
		if h.proof != nil {
			k.secrets = h.proof.finish(h, k.tls, err)
		}
		k.wire.ahead = h.in.end()
		k.wire.hs.Store(nil)
		done(err)
	}()
}

// handshaking returns the state of the handshake, or nil after its end. Any goroutine may call it.
func (c *Conn) handshaking() *handshake {
	if k := c.crypto.Load(); k != nil {
		return k.wire.hs.Load()
	}
	return nil
}

// Wake tells a handshake that the descriptor became readable or writable. Any goroutine may call it
// at any time. It never blocks, and does nothing after the handshake has ended.
func (c *Conn) Wake() {
	if h := c.handshaking(); h != nil {
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
	if h := c.handshaking(); h != nil {
		select {
		case h.abort <- err:
		default:
		}
	}
}

// cryptoConn is a connection whose records crypto/tls protects.
type cryptoConn struct {
	tls  *tls.Conn // fixed
	wire wire

	// Same owner as wire.
	readErr error    // the first permanent error of readPlain
	secrets *secrets // what HandOver needs; nil: nothing was collected, or HandOver was called
	used    bool     // something was read or sealed after the handshake
}

// readPlain is ReadPlain.
func (k *cryptoConn) readPlain(p []byte) (int, error) {
	k.used = true
	if k.readErr != nil {
		return 0, k.readErr
	}
	if k.wire.drained {
		if err := k.wire.lookAhead(p); err != nil {
			return 0, err
		}
	}
	n, err := k.tls.Read(p)
	if errors.Is(k.wire.out.err, ErrBacklog) {
		err = ErrBacklog // crypto/tls reports a failed reply at the next write, which may never come
	}
	k.wire.drained = err != nil && wouldBlock(err)
	if k.wire.drained {
		shrinkReadBuffer(k.tls, &k.wire.room)
	}
	if err != nil && !k.wire.drained {
		k.readErr = err
	}
	if n > 0 {
		return n, nil
	}
	return 0, err
}

// seal is Seal.
func (k *cryptoConn) seal(p []byte) error {
	k.used = true
	if err := k.wire.out.err; err != nil {
		return err // the cause; crypto/tls may have seen a consequence since
	}
	_, err := k.tls.Write(p)
	return err
}

// closeNotify is CloseNotify.
func (k *cryptoConn) closeNotify() error {
	k.used = true
	return k.tls.CloseWrite()
}
