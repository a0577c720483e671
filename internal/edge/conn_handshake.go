package edge

import (
	"errors"
	"strings"

	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/edge/transport"
	"github.com/hassesd/hassesd/internal/tlsconn"
)

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

// judgeHandshake tells admission how a handshake has ended.
func (c *conn) judgeHandshake(err error, aborted bool) {
	switch {
	case aborted && (err == nil || errors.Is(err, tlsconn.ErrNotPeer)): // it was we who were slow
	case aborted && c.reason == HandshakeTimeout:
		c.violation(admission.HandshakeTimeout)
	case aborted && c.reason == HandshakeEvicted: // it was slow, but may be so on a bad link, and has lost its slot
		c.violation(admission.HandshakeFailed)
	case aborted: // our own doing
	case err == nil:
		c.w.srv.admission.RecordSuccess(c.w.now(), c.addr())
	default:
		if v, ok := violationOf(err); ok {
			c.violation(v)
		}
	}
}

// violationOf returns what a handshake that failed with err counts as, if anything.
func violationOf(err error) (admission.Violation, bool) {
	var failed *tlsconn.HandshakeError
	if !errors.As(err, &failed) {
		return admission.HandshakeFailed, true // it has made crypto/tls panic
	}
	switch failed.Blame() {
	case tlsconn.BlameMalice:
		return admission.ProtocolBroken, true
	case tlsconn.BlameCost:
		return admission.HandshakeFailed, true
	case tlsconn.BlameNothing:
	}
	return 0, false
}

// explain sets the close reason of a failed handshake, and tells the operator or the client what
// can be done.
func (c *conn) explain(failed *tlsconn.HandshakeError) {
	switch failed.Failure {
	case tlsconn.FailureLeft:
		if transport.IsEnd(failed) {
			c.reason = ClosedByPeer
		}
	case tlsconn.FailureDistrust:
		c.reason = CertificateRefused
		c.hintDistrust(failed.Alert)
	case tlsconn.FailureHTTP:
		c.reason = WrongProtocol
		c.http.Say(wrongProtocol)
	case tlsconn.FailureProxyHeader:
		c.reason = UnexpectedProxyHeader
		c.hint(hintProxyHeader)
	case tlsconn.FailureAlert, tlsconn.FailureUnsupported, tlsconn.FailureNotTLS, tlsconn.FailureBroken:
	}
}

// wrongProtocol is the answer to plain HTTP on the TLS port.
const wrongProtocol = "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n" +
	"This port speaks HTTPS. Use https:// in the URL.\n"
