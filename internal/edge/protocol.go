package edge

import (
	"bytes"
	"errors"

	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/edge/http1"
	"github.com/hassesd/hassesd/internal/edge/proxy"
	"github.com/hassesd/hassesd/internal/edge/scheduler"
	"github.com/hassesd/hassesd/internal/edge/subscriber"
	"github.com/hassesd/hassesd/internal/edge/transport"
	"github.com/hassesd/hassesd/internal/tlsconn"
)

// protocol is the connection as its transport sees it.
type protocol conn

var _ transport.Protocol = (*protocol)(nil)

// Preamble implements transport.Protocol: it reads the PROXY header of a trusted peer.
func (x *protocol) Preamble(p []byte) (more int) {
	c := (*conn)(x)
	via := c.asProxied()
	via.header = append(via.header, p...)
	client, more, err := proxy.ParseHeader(via.header)
	switch {
	case errors.Is(err, proxy.ErrNoHeader):
		c.hint(hintNoProxyHeader)
		c.fail(NoProxyHeader)
	case err != nil:
		c.failHeader(err)
	case more == 0:
		via.header = nil
		if client.IsValid() {
			c.introduce(client)
		}
	}
	return more
}

// PreambleDone implements transport.Protocol.
func (x *protocol) PreambleDone() {
	if !x.transport.IsSecure() {
		(*conn)(x).expectRequest()
	} // else the deadline that began at accept covers the handshake, too
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
		c.w.inputs.receive(c.h2, p)
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

// beginsHTTP2 reports whether the connection begins with the preface of HTTP/2, which turns it to
// that (RFC 9113, section 3.3). No request of HTTP/1 begins so. p is what came last; if so, it was
// taken.
func (c *conn) beginsHTTP2(p []byte) bool {
	const sign = "PRI "
	if !c.isReading() || c.transport.IsSecure() || !c.w.srv.config().HTTP2 {
		return false
	}
	begun := c.http.Begun()
	if len(begun) >= len(sign) || len(begun)+len(p) < len(sign) || string(begun)+string(p[:len(sign)-len(begun)]) != sign {
		return false
	}
	both := append(bytes.Clone(begun), p...)
	c.http.Release()
	c.startHTTP2()
	c.w.inputs.receive(c.h2, both)
	return true
}
