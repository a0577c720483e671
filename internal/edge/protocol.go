package edge

import (
	"errors"
	"strings"

	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/edge/http1"
	"github.com/hassesd/hassesd/internal/edge/scheduler"
	"github.com/hassesd/hassesd/internal/edge/subscriber"
	"github.com/hassesd/hassesd/internal/edge/transport"
	"github.com/hassesd/hassesd/internal/tlsconn"
)

// protocol is the connection as its transport sees it.
type protocol conn

var _ transport.Protocol = (*protocol)(nil)

// Greeted implements transport.Protocol.
func (x *protocol) Greeted() { x.w.handshakes.want((*conn)(x)) }

// HandshakeDone implements transport.Protocol.
func (x *protocol) HandshakeDone(facts transport.Facts, err error, aborted bool) {
	c := (*conn)(x)
	since := c.waiter.Since()
	c.w.handshakes.ended(c)
	c.judgeHandshake(err, aborted)
	c.serverName = newCommonText(facts.ServerName)
	var panicked *tlsconn.PanicError
	switch {
	case aborted:
		c.w.handshakes.count(handshakeResult(c.reason, aborted), false, 0)
		c.transport.Close()
	case errors.As(err, &panicked):
		c.w.srv.log.Error("handshake panicked", "conn", c.id, "peer", c.peer(), "err", err, "stack", string(panicked.Stack))
		c.reason = HandshakeFailed
		c.w.handshakes.count(HandshakeInvalid, false, 0)
		c.transport.Close()
	case err != nil:
		c.w.srv.log.Debug("handshake failed", "conn", c.id, "peer", c.peer(), "err", err)
		c.handshakeFailed(err)
	default:
		c.w.handshakes.count(HandshakeOK, facts.Resumed, since)
		c.version, c.cipher = facts.Version, facts.Cipher
		c.transport.Open()
		c.expectRequest()
		c.begin(facts.Protocol)
	}
}

// begin starts the protocol that was negotiated.
func (c *conn) begin(protocol string) {
	if protocol == protoHTTP2 {
		c.startHTTP2()
		c.transport.Read()
		if c.h2.isWaiting() {
			c.transport.AcknowledgeNow()
		}
		return
	}
	if protocol != "" && !strings.HasPrefix(protocol, "http/1.") {
		// The client connected for the handshake only, as an ACME server does to check a challenge
		// (RFC 8737 section 3).
		c.http.End()
		c.finish(Answered)
		return
	}
	c.transport.Read() // the request often comes with the client's Finished
	if c.isReading() {
		c.transport.AcknowledgeNow()
	}
}

// handshakeFailed sends the alert that crypto/tls wrote, or an answer in plain HTTP to a client
// that speaks it.
func (c *conn) handshakeFailed(err error) {
	c.reason = HandshakeFailed
	var failed *tlsconn.HandshakeError
	if errors.As(err, &failed) {
		c.explain(failed)
	}
	c.w.handshakes.count(handshakeResult(c.reason, false), false, 0)
	if transport.IsEnd(err) || c.transport.Reject() != nil {
		c.transport.Close()
		return
	}
	c.visit()
}

// ReadLimit implements transport.Protocol.
func (x *protocol) ReadLimit() int {
	if x.h2 != nil {
		return readBufSize
	}
	return x.http.ReadLimit((*conn)(x).limits())
}

// Took implements transport.Protocol.
func (x *protocol) Took(n int) { x.http.Took(n) }

// Receive implements transport.Protocol.
func (x *protocol) Receive(p []byte) {
	c := (*conn)(x)
	if c.h2 != nil {
		c.h2.receive(p)
		return
	}
	if c.beginsHTTP2(p) {
		return
	}
	c.receive(p)
	if c.http.IsExcessive(c.limits()) {
		c.fail(ExcessInput)
	}
}

const (
	// recordsPerVisit is how many records one connection may send before others get their turn.
	// Beyond visitBytes it may send more: otherwise a queue that fills faster than this share would
	// never shrink.
	recordsPerVisit = 4
	visitBytes      = backlogBytes / 2
	// replayPerRecord is how many history entries a replay examines in the time of one record.
	replayPerRecord = 256
)

// NextRecord implements transport.Protocol.
func (x *protocol) NextRecord(spent int) (p []byte, cost int, later bool) {
	c := (*conn)(x)
	w := c.w
	w.timings.left(c)
	if c.h2 != nil {
		p, cost, later = c.h2.nextRecord(spent)
		w.timings.popped(c)
		return p, cost, later
	}
	if c.sub.Empty() && c.http.Unwritten() == 0 {
		return nil, 0, false
	}
	if spent >= recordsPerVisit && (c.sub.QueueBytes() <= visitBytes || spent >= scheduler.Budget) {
		c.schedule(scheduler.Low)
		return nil, 0, true
	}
	looked := w.shard.ReplayWork()
	p = c.http.NextRecord(w.writeBuf[:http1.ChunkHead], &c.sub)
	w.timings.popped(c)
	cost = int((w.shard.ReplayWork() - looked) / replayPerRecord)
	switch {
	case p != nil:
		c.sub.Wrote(w.now())
	case c.sub.State() == subscriber.Streaming && !c.sub.Empty():
		c.schedule(scheduler.Low) // its replay has passed over much that is not for it
		return nil, cost, true
	}
	return p, cost, false
}

// Writable implements transport.Protocol.
func (x *protocol) Writable(soon bool) {
	c := (*conn)(x)
	if soon {
		c.schedule(scheduler.High)
		return
	}
	c.visit()
}

// ReadFailed implements transport.Protocol.
func (x *protocol) ReadFailed(err error) {
	c := (*conn)(x)
	if c.isHeaderCut() {
		c.failHeader(errHeaderCut)
		return
	}
	if transport.IsEnd(err) {
		c.fail(ClosedByPeer)
		return
	}
	if alert, ok := tlsconn.Distrusts(err); ok && c.isReading() {
		c.hintDistrust(alert)
		c.fail(CertificateRefused)
		return
	}
	c.w.srv.log.Debug("connection broke", "conn", c.id, "peer", c.peer(), "err", err)
	c.fail(TransportFailed)
}

// WriteFailed implements transport.Protocol.
func (x *protocol) WriteFailed(err error) {
	c := (*conn)(x)
	c.w.srv.log.Debug("write failed", "conn", c.id, "peer", c.peer(), "err", err)
	c.fail(TransportFailed)
}

// Expired implements transport.Protocol.
func (x *protocol) Expired() {
	c := (*conn)(x)
	switch c.transport.State() {
	case transport.Preamble:
		if c.isHeaderCut() {
			c.failHeader(errHeaderCut)
			return
		}
		if c.transport.IsSecure() {
			c.fail(HandshakeTimeout)
			return
		}
		c.fail(RequestTimeout)
	case transport.Accepted:
		if c.waiter == nil { // it sent nothing; otherwise we had no slot for it
			c.violation(admission.HandshakeTimeout)
		}
		c.fail(HandshakeTimeout)
	case transport.Handshaking:
		c.abort(HandshakeTimeout)
	case transport.Open:
		if c.h2 != nil {
			c.h2.expired()
			return
		}
		if c.sub.State() == subscriber.Streaming {
			c.streamDeadline()
			return
		}
		if c.publishes && c.h1().isServed && c.http.ExpectsRequest() && len(c.http.Begun()) == 0 {
			c.http.End()
			c.finish(Idle)
			return
		}
		if len(c.http.Begun()) > 0 { // browsers connect ahead of time, and may never ask
			c.violation(admission.RequestTimeout)
		}
		c.fail(RequestTimeout)
	case transport.Closing, transport.Closed:
	}
}

// Failing implements transport.Protocol.
func (x *protocol) Failing() {
	c := (*conn)(x)
	c.w.closing = append(c.w.closing, c)
	c.w.loop.Wake()
}

// Closed implements transport.Protocol.
func (x *protocol) Closed() {
	c := (*conn)(x)
	if c.h2 == nil || !c.h2.closed() {
		c.w.closed[c.reason]++
	}
	c.stopSubscriber()
	c.stopPublishing()
	c.http.Release()
	c.w.queues.Cancel(&c.node)
	c.w.changes++
	c.w.timings.forget(c)
	c.w.handshakes.leave(c)
	c.w.remove(c)
	c.w.srv.release(c.as, c.held(), c.w.index)
	c.w.srv.log.Debug("connection closed", "conn", c.id, "peer", c.peer(), "reason", c.reason.String())
}
