package edge

import (
	"errors"

	"github.com/hassesd/hassesd/internal/reactor"
	"github.com/hassesd/hassesd/internal/tlsconn"
)

// readsPerTurn bounds how long one talkative peer holds the loop.
const readsPerTurn = 4

// read takes what the peer sent until the socket is dry; crypto/tls may hold bytes that epoll can never announce.
func (c *conn) read() {
	buf := c.w.readBuf
	for range readsPerTurn {
		n, err := c.wire.ReadPlain(buf)
		if n > 0 {
			c.take(buf[:n])
		}
		if c.saysTooMuch() {
			c.fail(ExcessInput)
		}
		if c.doomed || c.state == stateClosed {
			return
		}
		switch {
		case errors.Is(err, reactor.ErrWouldBlock):
			c.flushAfterRead()
			return
		case err != nil:
			c.readEnded(err)
			return
		}
	}
	c.flushAfterRead()
	c.src.Again()
}

// flushAfterRead sends what reading may have produced: alerts and key updates.
func (c *conn) flushAfterRead() {
	if c.wire.Pending() > 0 && !c.blocked {
		c.w.flush(c)
	}
}

// readEnded acts on the peer's end. An answer on its way is still delivered: the peer may only have shut its side.
func (c *conn) readEnded(err error) {
	c.peerDone = true
	if c.state == stateDraining && c.step != farewellShut && isEnd(err) {
		c.w.mark(c, laneExpress)
		return
	}
	_, _ = c.wire.Flush() // an alert that crypto/tls wrote about the peer's mistake
	if isEnd(err) {
		c.fail(ClosedByPeer)
		return
	}
	if alert, ok := tlsconn.Distrusts(err); ok && c.state == stateReading {
		c.hintDistrust(alert)
		c.fail(CertificateRefused)
		return
	}
	c.w.srv.log.Debug("connection broke", "conn", c.id, "peer", c.peer, "err", err)
	c.fail(TransportFailed)
}

// take consumes plaintext from the peer.
func (c *conn) take(p []byte) {
	switch c.state {
	case stateReading:
		c.takeHead(p)
	case stateStreaming:
		c.said += len(p)
		if c.saysTooMuch() {
			return // and read ends it
		}
		if c.w.srv.reinit.Load() && !c.deaf {
			c.takeHead(p)
			return
		}
		// A subscriber has nothing more to say. What it says all the same is bounded by inputBudget. If reinit is switched
		// on later, nobody knows what the next byte is: the middle of a request must never pass for one.
		c.deaf = true
		if !c.secondReady {
			c.head = nil
		}
	case stateDraining:
	case stateAccepted, stateHandshaking, stateClosed:
		panic("edge: internal error: plaintext in state " + c.state.String())
	}
}

// takeHead collects a request head and acts on it when it is complete. On a stream, whatever follows the head is the
// beginning of the next one. p is only lent, and of another connection's next: what is kept of it is a copy.
func (c *conn) takeHead(p []byte) {
	if c.secondReady {
		c.head = append(c.head, p...) // for later; inputBudget bounds it
		return
	}
	from := len(c.head)
	buf := p
	if from > 0 {
		c.head = append(c.head, p...)
		buf = c.head
	}
	if c.refuseOther(buf) {
		return
	}
	if skip := leadingLineEnds(buf); skip > 0 {
		buf, from = buf[skip:], 0
		if c.state == stateReading {
			c.said += skip // on a stream all of p is counted
		}
		switch {
		case len(buf) == 0:
			c.head = nil // an empty head would pass for one that p was appended to
		case c.head != nil:
			c.head = buf
		}
	}
	most := c.w.srv.config().RequestBytes
	limit := most
	if c.state == stateReading {
		limit = max(0, most-c.said) // the blank lines before it came in the same records
	}
	end := headEnd(buf, from)
	switch {
	case end < 0 && len(buf) > limit, end > limit:
		c.head = nil
		c.refuse(headTooLarge(buf, most))
	case end < 0:
		if c.head == nil && len(buf) > 0 {
			c.head = append(make([]byte, 0, max(len(buf), 512)), buf...)
		}
	case c.state == stateStreaming:
		c.head = append([]byte(nil), buf...)
		c.secondReady, c.secondEnd = true, end
		c.secondRequest()
	default:
		head, rest := buf[:end], buf[end:]
		c.head = nil
		c.request(head)
		if len(rest) > 0 && c.state == stateStreaming {
			c.take(rest)
		}
	}
}

// refuseOther answers who begins with another protocol than plaintext HTTP: a proxy that says first for whom it speaks, or a
// client that wants TLS. It reports whether the connection is one of those; buf is what has come of it.
func (c *conn) refuseOther(buf []byte) bool {
	reason, message := WrongProtocol, "this port speaks HTTP without TLS; use http:// in the URL"
	switch {
	case c.secure || c.state != stateReading:
		return false
	case tlsconn.IsProxyHeader(buf):
		reason, message = UnexpectedProxyHeader, "the connection begins with a PROXY header, which this port does not expect"
		c.hintProxyHeader()
	case tlsconn.IsClientHello(buf):
		c.hintTLS()
	default:
		return false
	}
	c.head = nil
	bad := malformed(message)
	c.w.countRefusal(*bad)
	c.answer(appendAnswer(nil, nil, *bad, c.w.srv.config().rules, c.w.date(), c.secure), reason)
	return true
}

// wrongProtocol is what somebody who speaks plain HTTP to the TLS port is told.
const wrongProtocol = "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n" +
	"This port speaks HTTPS. Use https:// in the URL.\n"
