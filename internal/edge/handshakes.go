package edge

import (
	"errors"
	"time"

	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/edge/transport"
	"github.com/hassesd/hassesd/internal/reactor"
	"github.com/hassesd/hassesd/internal/tlsconn"
)

// handshakes decides which handshakes of one worker may run, and which must make room.
type handshakes struct {
	w       *worker
	queue   *admission.HandshakeQueue[*conn]
	timer   reactor.Timer // of the next eviction
	changes uint64        // of queue
	results [numHandshakeResults]uint64
	resumed uint64 // of those that are ok
}

// count counts a handshake that has ended; resumed and since, when it started, are those of one that
// is ok.
func (h *handshakes) count(result HandshakeResult, resumed bool, since time.Duration) {
	h.results[result]++
	h.changes++
	if result != HandshakeOK {
		return
	}
	if resumed {
		h.resumed++
	}
	h.w.timings.handshakes.observe(h.w.now() - since)
}

// init prepares the zero value.
func (h *handshakes) init(w *worker) {
	h.w, h.queue = w, admission.NewHandshakeQueue[*conn](1, 1)
	h.setSlots(w.srv.config())
}

// want starts the handshake of a connection that has sent its first bytes, or queues it. A queued
// connection costs no goroutine and no buffers.
func (h *handshakes) want(c *conn) {
	if c.waiter != nil {
		return
	}
	h.changes++
	c.waiter = &admission.Waiter[*conn]{Owner: c}
	unbounded := h.w.srv.config().Admission.Lifts(c.addr(), admission.BoundHandshakes)
	if h.queue.Arrive(h.w.now(), c.waiter, admission.NetworkOf(c.addr()), unbounded) {
		h.begin(c)
		return
	}
	h.evict()
}

func (h *handshakes) begin(c *conn) {
	srv := h.w.srv
	srv.handshaking.Add(1)
	h.changes++
	config, serves := srv.tlsConfig()
	c.serves = serves
	c.transport.Handshake(srv.gate, config, srv.config().HandOver)
}

// ended passes the slot of a handshake on to the queue.
func (h *handshakes) ended(c *conn) {
	h.w.srv.handshaking.Add(-1)
	h.leave(c)
	h.fillSlots()
}

// leave takes a connection out of the queue, if it is in it.
func (h *handshakes) leave(c *conn) {
	if c.waiter != nil {
		h.changes++
		h.queue.Leave(c.waiter)
		c.waiter = nil
	}
}

// fillSlots starts queued handshakes while there are free slots.
func (h *handshakes) fillSlots() {
	for t := h.queue.Next(h.w.now()); t != nil; t = h.queue.Next(h.w.now()) {
		if next := t.Owner; next.transport.IsFailing() {
			h.leave(next)
		} else {
			h.begin(next)
		}
	}
	h.evict()
}

// evict ends slow handshakes while others wait for their slots. It schedules itself for the next
// one.
func (h *handshakes) evict() {
	for {
		t, due := h.queue.NextEviction(h.w.now())
		if t == nil {
			if due > 0 {
				h.w.loop.Schedule(&h.timer, h, h.w.srv.start.Add(due))
			}
			return
		}
		h.changes++
		t.Owner.abort(HandshakeEvicted)
	}
}

// HandleTimer implements reactor.TimerHandler.
func (h *handshakes) HandleTimer(*reactor.Timer, time.Time) { h.evict() }

// setSlots sets this worker's share of the bounds on handshakes in flight.
func (h *handshakes) setSlots(cfg *snapshot) {
	each := cfg.Admission.Handshakes
	if each <= 0 {
		each = cfg.Handshakes
	}
	n := h.w.srv.workers
	h.queue.SetSlots(share(cfg.Handshakes, n), share(each, n))
}

// share returns a worker's part of a number, rounded up and at least 1, without overflow.
func share(total, workers int) int { return max(1, (total-1)/workers+1) }

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
