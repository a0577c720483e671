package admin

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/tlsconn"
)

// errNotTLS ends a handshake whose first byte is of something else.
var errNotTLS = errors.New("the first bytes are not TLS")

// recordHandshake is the first byte of a TLS connection (RFC 8446 section 5.1).
const recordHandshake = 0x16

// sealedConn is a control connection under TLS, on the daemon's side.
type sealedConn struct {
	*tls.Conn
	wire *wire

	// What the handshake has shown; written during it, by its goroutine.
	identity  string // that has a role; empty: none has
	strangers string // identities of a certificate without a role
	offered   offer
}

// offer is what a ClientHello shows of the reason for which it is refused.
type offer uint8

const (
	offerGood offer = iota
	offerOld        // no TLS 1.3
	offerHTTP       // protocols of browsers, and not ours (ALPN)
)

func newSealedConn(nc net.Conn, a *access.MutualTLS, writeTimeout time.Duration) *sealedConn {
	tcp, ok := nc.(*net.TCPConn)
	if !ok {
		panic("admin: internal error: TLS over a connection that is not TCP")
	}
	c := &sealedConn{wire: &wire{TCPConn: tcp, writeTimeout: writeTimeout, waits: true}}
	c.Conn = tls.Server(c.wire, serverConfig(a, c))
	return c
}

// handshake is Handshake with the processors asked for, within ctx: it computes while it has one, and waits for bytes
// without, as long as the read deadline allows. HandshakeContext would cost a goroutine more.
func (c *sealedConn) handshake(ctx context.Context) error {
	trace := &tlsconn.Trace{}
	c.wire.ctx, c.wire.trace = ctx, trace
	err := c.Handshake()
	c.wire.yield()
	c.wire.count(-1)
	c.wire.slot, c.wire.ctx, c.wire.trace = nil, nil, nil
	if err != nil {
		return trace.Judge(err)
	}
	return nil
}

// Read tells an end that the peer announced, io.EOF, from one that anybody on the way could make.
func (c *sealedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if errors.Is(err, io.EOF) && c.wire.ended {
		err = io.ErrUnexpectedEOF // crypto/tls forgives it between two records
	}
	return n, err
}

func (c *sealedConn) readNow(p []byte) (int, error) {
	c.wire.waits = false
	defer func() { c.wire.waits = true }()
	return c.Read(p)
}

func (c *sealedConn) cut() { _ = c.wire.Close() } // there is nobody left to tell

// wire is the TCP connection below a [sealedConn]. TLS writes of its own accord, too, when the peer changes its key:
// so every write gets a deadline here.
type wire struct {
	*net.TCPConn
	writeTimeout time.Duration // fixed

	// Owned by the reader.
	head  []byte // the very first bytes
	waits bool   // Read waits for bytes
	ended bool   // there is nothing more to read

	// slot waits for the processor during the handshake; nil: after it, or where nobody asks. Owned by the handshake.
	slot  func(ctx context.Context) (leave func(), err error)
	ctx   context.Context // of the handshake
	leave func()          // gives the processor back; nil: it is not ours
	// underway is told of a handshake that has begun, by its first bytes, +1, and of its end, -1; nil: nobody asks.
	underway func(change int64)
	begun    bool
	trace    *tlsconn.Trace // nil: after the handshake

	once sync.Once // of Close
}

// headBytes is how much of what a stranger says first is looked at to tell what it is.
const headBytes = 16

func (w *wire) Read(p []byte) (int, error) {
	var n int
	var err error
	switch {
	case w.slot != nil:
		n, err = w.readForHandshake(p)
	case w.waits:
		n, err = w.TCPConn.Read(p)
	default:
		n, err = readNow(w.TCPConn, p)
	}
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		w.ended = true
	}
	if w.trace != nil {
		w.trace.Received(p[:n])
	}
	if room := headBytes - len(w.head); room > 0 {
		w.head = append(w.head, p[:min(n, room)]...)
		if len(w.head) > 0 && w.head[0] != recordHandshake {
			return 0, errNotTLS
		}
	}
	return n, err
}

// readForHandshake returns bytes with the processor for what is to be computed of them.
func (w *wire) readForHandshake(p []byte) (int, error) {
	n, err := readNow(w.TCPConn, p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		w.yield()
		n, err = w.TCPConn.Read(p)
	}
	if n > 0 {
		w.count(+1)
	}
	if n == 0 || err != nil || w.leave != nil {
		return n, err
	}
	w.leave, err = w.slot(w.ctx)
	return n, err
}

// count tells of the begin of a handshake, and of its end if it had begun.
func (w *wire) count(change int64) {
	if begun := change > 0; w.underway != nil && w.begun != begun {
		w.begun = begun
		w.underway(change)
	}
}

// yield gives the processor back.
func (w *wire) yield() {
	if w.leave != nil {
		w.leave()
		w.leave = nil
	}
}

func (w *wire) Write(p []byte) (int, error) {
	w.yield() // a peer that takes nothing holds nobody up
	if w.trace != nil {
		w.trace.Sent(p)
	}
	if err := w.TCPConn.SetWriteDeadline(time.Now().Add(w.writeTimeout)); err != nil {
		return 0, err
	}
	return w.TCPConn.Write(p)
}

// SetWriteDeadline does nothing, see Write.
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline sets the one for reads.
func (w *wire) SetDeadline(t time.Time) error { return w.SetReadDeadline(t) }

// Close closes the socket, the first time.
func (w *wire) Close() error {
	var err error
	w.once.Do(func() { err = w.TCPConn.Close() })
	return err
}
