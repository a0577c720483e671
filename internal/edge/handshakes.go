package edge

import (
	"errors"
	"time"

	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/reactor"
	"github.com/hassesd/hassesd/internal/tlsconn"
)

// wantHandshake starts the handshake of a connection whose first bytes have come, or lets it wait for its turn: until
// then it costs no goroutine and no buffers.
func (w *worker) wantHandshake(c *conn) {
	if c.ticket != nil {
		return
	}
	c.ticket = &admission.Waiter[*conn]{Owner: c}
	unbounded := w.srv.config().Admission.Lifts(c.peer.Addr(), admission.BoundHandshakes)
	if w.turnstile.Arrive(w.now(), c.ticket, admission.NetworkOf(c.peer.Addr()), unbounded) {
		w.beginHandshake(c)
		return
	}
	w.evict()
}

func (w *worker) beginHandshake(c *conn) {
	w.srv.shaking.Add(1)
	c.startHandshake()
}

// handshakeEnded gives the place of a handshake to those who wait.
func (w *worker) handshakeEnded(c *conn) {
	w.srv.shaking.Add(-1)
	w.leaveTurnstile(c)
	w.dealPlaces()
}

func (w *worker) leaveTurnstile(c *conn) {
	if c.ticket != nil {
		w.turnstile.Leave(c.ticket)
		c.ticket = nil
	}
}

// dealPlaces starts handshakes while there are places for those who wait.
func (w *worker) dealPlaces() {
	for t := w.turnstile.Next(w.now()); t != nil; t = w.turnstile.Next(w.now()) {
		if next := t.Owner; next.doomed {
			w.leaveTurnstile(next)
		} else {
			w.beginHandshake(next)
		}
	}
	w.evict()
}

// evict tells handshakes to end whose places others wait for. It comes back when the next one has lasted long enough.
func (w *worker) evict() {
	for {
		t, due := w.turnstile.NextEviction(w.now())
		if t == nil {
			if due > 0 {
				w.loop.Schedule(&w.evictTimer, (*evictor)(w), w.srv.start.Add(due))
			}
			return
		}
		t.Owner.abort(HandshakeEvicted)
	}
}

// evictor is the worker in the hands of its evictTimer.
type evictor worker

// HandleTimer implements reactor.TimerHandler.
func (e *evictor) HandleTimer(*reactor.Timer, time.Time) { (*worker)(e).evict() }

// setPlaces is this worker's share of the bounds on handshakes in flight.
func (w *worker) setPlaces(cfg *snapshot) {
	each := cfg.Admission.Handshakes
	if each <= 0 {
		each = cfg.Handshakes
	}
	n := len(w.srv.workers)
	w.turnstile.SetSlots(share(cfg.Handshakes, n), share(each, n))
}

// share is a worker's part of a bound, at least 1.
func share(total, workers int) int { return max(1, (total+workers-1)/workers) }

// offend counts what the peer did wrong.
func (c *conn) offend(o admission.Violation) {
	if c.w.srv.admission.RecordViolation(c.w.now(), c.peer.Addr(), o) {
		c.w.srv.log.Debug("network penalized", "conn", c.id, "peer", c.peer, "offence", o.String())
	}
}

// judgeHandshake tells admission what has become of a handshake.
func (c *conn) judgeHandshake(err error) {
	switch {
	case c.aborted && (err == nil || errors.Is(err, tlsconn.ErrNotPeer)): // it was we who were slow
	case c.aborted && c.reason == HandshakeTimeout:
		c.offend(admission.HandshakeTimeout)
	case c.aborted && c.reason == HandshakeEvicted: // it was slow, but may be so on a bad link, and has lost its place
		c.offend(admission.HandshakeFailed)
	case c.aborted: // our own doing
	case err == nil:
		c.w.srv.admission.RecordSuccess(c.w.now(), c.peer.Addr())
	default:
		if o, ok := offenceOf(err); ok {
			c.offend(o)
		}
	}
}

// offenceOf returns what a network owes for a handshake that failed with err, if anything.
func offenceOf(err error) (admission.Violation, bool) {
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

// explain sets the reason for which a connection ends after a failed handshake, and tells whom it helps.
func (c *conn) explain(failed *tlsconn.HandshakeError) {
	switch failed.Failure {
	case tlsconn.FailureLeft:
		if isEnd(failed) {
			c.reason = ClosedByPeer
		}
	case tlsconn.FailureDistrust:
		c.reason = CertificateRefused
		c.hintDistrust(failed.Alert)
	case tlsconn.FailureHTTP:
		c.reason = WrongProtocol
		c.tail = []byte(wrongProtocol)
	case tlsconn.FailureProxyHeader:
		c.reason = UnexpectedProxyHeader
		c.hintProxyHeader()
	case tlsconn.FailureAlert, tlsconn.FailureUnsupported, tlsconn.FailureNotTLS, tlsconn.FailureBroken:
	}
}
