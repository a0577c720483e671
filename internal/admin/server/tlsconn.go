package server

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/tlsconn"
)

// errNotTLS ends a handshake whose first byte is of something else.
var errNotTLS = errors.New("the first bytes are not TLS")

// recordHandshake is the first byte of a TLS connection (RFC 8446 section 5.1).
const recordHandshake = 0x16

// tlsConn is a control connection under TLS, on the daemon's side.
type tlsConn struct {
	*tls.Conn
	wire *wire

	// What the handshake has shown; written during it, by its goroutine.
	identity string // that has a role; empty: none has
	unlisted string // identities of a certificate without a role
	offered  offer
}

// offer is what a ClientHello offers, as far as it is a reason to refuse it.
type offer uint8

const (
	offerGood offer = iota
	offerOld        // no TLS 1.3
	offerHTTP       // protocols of browsers, and not ours (ALPN)
)

func newTLSConn(nc net.Conn, a *access.MutualTLS, writeTimeout time.Duration, h handshakes) *tlsConn {
	tcp, ok := nc.(*net.TCPConn)
	if !ok {
		panic("server: internal error: TLS over a connection that is not TCP")
	}
	c := &tlsConn{wire: &wire{TCPConn: tcp, writeTimeout: writeTimeout, handshakes: h, waits: true}}
	c.Conn = tls.Server(c.wire, serverConfig(a, c))
	return c
}

// handshake makes the TLS handshake within ctx and the read deadline. It holds a processor while it
// computes, and none while it waits for bytes. HandshakeContext would cost another goroutine.
func (c *tlsConn) handshake(ctx context.Context) error {
	trace := &tlsconn.Trace{}
	c.wire.ctx, c.wire.trace = ctx, trace
	err := c.Handshake()
	c.wire.yield()
	c.wire.count(-1)
	c.wire.handshakes.slot, c.wire.ctx, c.wire.trace = nil, nil, nil
	if err != nil {
		return trace.Judge(err)
	}
	return nil
}

// Read returns io.EOF only for an end that the peer announced, not for one that an attacker on the
// network could make.
func (c *tlsConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if errors.Is(err, io.EOF) && c.wire.ended {
		err = io.ErrUnexpectedEOF // crypto/tls forgives it between two records
	}
	return n, err
}

func (c *tlsConn) readNow(p []byte) (int, error) {
	c.wire.waits = false
	defer func() { c.wire.waits = true }()
	return c.Read(p)
}

func (c *tlsConn) cut() { _ = c.wire.Close() } // the peer gets no alert

// handshakes are what bounds and counts the TLS handshakes of the process.
type handshakes struct {
	// slot waits for the processor that a handshake needs to compute; nil: it need not wait.
	slot func(ctx context.Context) (leave func(), err error)
	// underway is called with +1 when a handshake begins, with its first bytes, and with -1 when it
	// ends; may be nil.
	underway func(change int64)
}

// wire is the TCP connection below a [tlsConn]. TLS writes of its own accord, too, when the peer
// changes its key: so every write gets a deadline here.
type wire struct {
	*net.TCPConn
	writeTimeout time.Duration // fixed

	// Owned by the reader.
	head  []byte // the very first bytes
	waits bool   // Read waits for bytes
	ended bool   // there is nothing more to read

	// Owned by the handshake.
	handshakes handshakes
	ctx        context.Context // of the handshake
	leave      func()          // gives the processor back; nil: it is not ours
	begun      bool            // the first bytes of the handshake have come
	trace      *tlsconn.Trace  // nil: after the handshake

	once sync.Once // of Close
}

// headBytes is how many of the first bytes are kept to recognize the protocol by.
const headBytes = 16

func (w *wire) Read(p []byte) (int, error) {
	var n int
	var err error
	switch {
	case w.handshakes.slot != nil:
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

// readForHandshake reads bytes, and takes a processor to compute on them.
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
	w.leave, err = w.handshakes.slot(w.ctx)
	return n, err
}

// count counts the beginning of a handshake, and its end if it had begun.
func (w *wire) count(change int64) {
	if begun := change > 0; w.handshakes.underway != nil && w.begun != begun {
		w.begun = begun
		w.handshakes.underway(change)
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
	w.yield() // a peer that does not read must not hold up others
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

// errNoRole ends the handshake of a certificate that is good, but in no list.
var errNoRole = errors.New("the certificate has no role")

// serverConfig returns the configuration of one connection, which records what the handshake
// shows.
func serverConfig(a *access.MutualTLS, c *tlsConn) *tls.Config {
	config := a.Config()
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		c.offered = offerOf(hello)
		return nil, nil //nolint:nilnil // the configuration at hand goes on
	}
	config.VerifyConnection = func(state tls.ConnectionState) error {
		leaf := state.PeerCertificates[0]
		if _, c.identity = a.RoleOf(leaf); c.identity == "" {
			c.unlisted = strings.Join(api.Identities(leaf), " ")
			return errNoRole
		}
		return nil
	}
	return config
}

func offerOf(hello *tls.ClientHelloInfo) offer {
	switch protocols := hello.SupportedProtos; {
	case !slices.Contains(hello.SupportedVersions, tls.VersionTLS13):
		return offerOld
	case slices.Contains(protocols, api.ALPN):
		return offerGood
	case slices.Contains(protocols, "http/1.1"), slices.Contains(protocols, "h2"), slices.Contains(protocols, "http/1.0"):
		return offerHTTP
	}
	return offerGood
}
