package edge

import (
	"crypto/tls"
	"net/netip"
	"time"

	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/edge/http1"
	"github.com/hassesd/hassesd/internal/edge/scheduler"
	"github.com/hassesd/hassesd/internal/edge/subscriber"
	"github.com/hassesd/hassesd/internal/edge/transport"
)

// conn is one connection and the subscriber it carries: HTTP/1 serves one at a time, which is that
// of the first stream over HTTP/2. What HTTP/2 needs besides is in h2. It joins the parts, and has
// next to no state of its own.
//
// Fields used by every delivery come first, from w to the keys of TLS, so that a delivery touches
// few cache lines: with ten thousand connections none of them is cached (BenchmarkFanout).
type conn struct {
	w         *worker // fixed at accept
	h2        *h2conn // from when it speaks HTTP/2 on; nil: HTTP/1
	node      scheduler.Node[conn]
	http      http1.Conn
	sub       subscriber.Subscriber
	transport transport.Conn

	// Fixed at accept.
	id         uint64
	acceptedAt time.Duration // since the server's start

	// Owned by the loop.
	proxied    *proxied   // nil unless a trusted proxy has named a client, or must
	from       packedAddr // the client's, as its proxy tells it if that is trusted
	slot       int32      // in the worker's list
	version    uint16     // of TLS; 0 before the end of the handshake
	cipher     uint16
	as         admission.Verdict                  // one of those that admit
	reason     CloseReason                        // why it is ending; meaningful once the transport is closing
	isLate     bool                               // timings wait for it
	publishes  bool                               // a POST has come in HTTP/1: the worker has an h1conn for it
	serverName commonText                         // SNI
	serves     func(serverName, host string) bool // which hosts the certificate is for; nil without TLS
	waiter     *admission.Waiter[*conn]           // from the first bytes of a handshake to its end
	agent      commonText                         // User-Agent, cut; the client's text
}

// proxied is what only the connection of a trusted proxy has. Once the proxy has named its client,
// that address is conn.from, as everywhere.
type proxied struct {
	peer   netip.AddrPort    // the client of requests that name none
	as     admission.Verdict // on the connection itself
	held   netip.Addr        // for whom admission counts the connection
	opened netip.Addr        // for whom it counts the open stream of HTTP/1
	header []byte            // what has come of the PROXY header
}

// addr returns the client's address.
func (c *conn) addr() netip.Addr { return c.from.addr() }

// client returns the client's address and port.
func (c *conn) client() netip.AddrPort { return netip.AddrPortFrom(c.addr(), c.from.port) }

// setClient replaces the client's address and port.
func (c *conn) setClient(a netip.AddrPort) { c.from = packAddr(a) }

// peer returns the client's address and port for people.
func (c *conn) peer() clientAddr { return clientAddr(c.client()) }

// accepted sets the first deadline of a new connection.
func (c *conn) accepted() {
	if c.transport.IsSecure() || c.transport.State() == transport.Preamble {
		// It covers a PROXY header, the wait for a slot and the handshake.
		c.setTimeout(c.w.srv.config().HandshakeTimeout)
		return
	}
	c.expectRequest()
}

func (c *conn) expectRequest() { c.setTimeout(c.w.srv.config().RequestTimeout) }

func (c *conn) setTimeout(d time.Duration) { c.transport.SetDeadline(c.w.loop.Now().Add(d)) }

// isReading reports whether the connection waits for its first request in HTTP/1.
func (c *conn) isReading() bool {
	return c.h2 == nil && c.transport.State() == transport.Open && c.sub.State() == subscriber.None && c.http.ExpectsRequest()
}

// limits bound what the client may send.
func (c *conn) limits() http1.Limits {
	return http1.Limits{RequestBytes: c.w.srv.config().RequestBytes, Again: c.w.srv.reinit.Load()}
}

const (
	// backlogBytes is how many bytes of events may be taken in before the connection that has
	// waited longest gets its turn. It is half of the default queue bound: together with
	// visitBytes, waiting for the loop alone does not fill a queue. A message that waits for room
	// delays all messages behind it.
	backlogBytes = 128 << 10
	// recordsPerVisit is how many records one connection may send before others get their turn.
	// Beyond visitBytes it may send more: otherwise a queue that fills faster than this share would
	// never shrink.
	recordsPerVisit = 4
	visitBytes      = backlogBytes / 2
	// replayPerRecord is how many history entries a replay examines in the time of one record.
	replayPerRecord = 256
	// looksPerRecord is how many streams are asked whether they have payload in the time of one record.
	looksPerRecord = 64
)

// schedule puts the connection among those that have something to send.
func (c *conn) schedule(p scheduler.Priority) {
	c.w.queues.Schedule(&c.node, c, p, c.w.shard.DeliveredBytes())
}

// fail closes the connection at the end of the turn, without sending anything more: callers up the
// stack may still hold it.
func (c *conn) fail(reason CloseReason) {
	switch c.transport.State() {
	case transport.Closed:
		return
	case transport.Handshaking:
		c.abort(reason) // the goroutine owns the transport; HandshakeDone closes
		return
	case transport.Preamble, transport.Accepted, transport.Open:
		c.reason = reason
	case transport.Closing:
		if c.transport.IsFailing() {
			return
		}
	}
	if reason == ExcessInput {
		c.violation(admission.ProtocolBroken)
	}
	c.transport.Fail()
}

// abort ends a handshake; HandshakeDone follows.
func (c *conn) abort(reason CloseReason) {
	if c.transport.Abort() {
		c.reason = reason
	}
}

// violation records a violation by the peer's network.
func (c *conn) violation(v admission.Violation) {
	if c.w.srv.admission.RecordViolation(c.w.now(), c.addr(), v) {
		c.w.srv.log.Debug("network penalized", "conn", c.id, "peer", c.peer(), "offence", v.String())
	}
}

// hint logs a problem of honest clients that the operator can solve.
func (c *conn) hint(h hint, more ...any) {
	c.w.srv.hints.log(c.w.srv.log, c.w.now(), h, []any{"conn", c.id, "peer", c.peer()}, more)
}

// hintDistrust logs that the client does not trust our certificate. The client has no other way to
// tell the operator.
func (c *conn) hintDistrust(alert tls.AlertError) {
	var name []any
	if c.transport.IsSecure() {
		name = []any{"server_name", c.serverName.String()}
	}
	c.hint(hintDistrust, append(name, "alert", alert.Error())...)
}

// unwritten returns how many bytes wait for the socket, plaintext and sealed records.
func (c *conn) unwritten() int {
	if c.transport.IsFailing() {
		return 0
	}
	return c.sub.QueueBytes() + c.http.Unwritten() + c.transport.Unwritten()
}
