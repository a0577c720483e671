package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/safetext"
	"github.com/hassesd/hassesd/internal/tlsconn"
)

// handshakeTimeout bounds the TLS handshake.
const handshakeTimeout = 10 * time.Second

// maxForeign bounds what of a log record the peer of a failed handshake may have written.
const maxForeign = 500

// identify makes the TLS handshake, which shows who the peer is. It reports whether the peer has a
// role; if not, the connection is refused.
func (c *conn) identify() bool {
	conn, ok := c.out.(*tlsConn)
	if !ok {
		panic("server: internal error: a connection of the TLS endpoint without TLS")
	}
	deadline := time.Now().Add(c.timeouts.handshake)
	ctx, cancel := context.WithDeadline(c.ctx, deadline)
	defer cancel()
	err := net.ErrClosed
	if c.input.armUntil(deadline) {
		err = conn.handshake(ctx)
	}
	if err == nil {
		c.networks.recordIdentified(c.seat.address)
		err = c.roster.enter(c.seat)
	}
	if err != nil {
		c.refuseHandshake(conn, err)
		return false
	}
	c.principal.Chain, c.principal.Since = conn.ConnectionState().PeerCertificates, time.Now()
	c.log = c.log.With("identity", safetext.ASCII(conn.identity))
	c.principal.Judge(c.rules.of(c.seat.endpoint))
	c.updateSeat() // the rules may be others than those of the handshake
	c.log.Debug("control connection identified", "role", string(c.principal.Role()))
	return true
}

// refuseHandshake ends a connection whose handshake failed with err.
func (c *conn) refuseHandshake(conn *tlsConn, err error) {
	defer c.input.src.cut()
	if c.input.isStopping() {
		return // the server stops
	}
	reason := handshakeRefusal(conn, err)
	evicted := c.roster.isEvicted(c.seat)
	if evicted {
		reason, err = api.RefusedConnections, errEvicted
	}
	if v, ok := violationOf(conn, reason, err, evicted); ok && !errors.Is(err, errNoSlot) {
		c.networks.recordViolation(c.seat.address, v)
	}
	attrs := []slog.Attr{slog.String("err", safetext.Cut(safetext.ASCII(err.Error()), maxForeign))}
	if alert, ok := distrusts(err); ok {
		attrs = []slog.Attr{
			slog.String("alert", alert.Error()),
			slog.String("hint", "the client does not trust our certificate: give it the authority that signed it (hassesctl --ca)"),
		}
	}
	if conn.unlisted != "" {
		attrs = append(attrs, slog.String("identities", safetext.Cut(safetext.ASCII(conn.unlisted), maxForeign)))
	}
	c.refusals.refuseConnection(c.log, reason, attrs...)
	if reason != api.RefusedStalled && reason != api.RefusedConnections {
		linger(conn.wire.TCPConn) // so that the alert arrives
	}
}

// handshakeRefusal returns the reason for which the handshake ended with err.
func handshakeRefusal(c *tlsConn, err error) api.Refusal {
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, errNoSlot), errors.Is(err, errEvicted):
		return api.RefusedConnections
	case errors.Is(err, errNotTLS) && sniff(c.wire.head, true) == formHTTP:
		return api.RefusedHTTP
	case errors.Is(err, errNotTLS):
		return api.RefusedPlain
	case errors.Is(err, errNoRole):
		return api.RefusedNoRole
	case isDistrust(err):
		return api.RefusedDistrust
	case errors.As(err, &certificate):
		var invalid x509.CertificateInvalidError
		if errors.As(err, &invalid) && invalid.Reason == x509.Expired {
			return api.RefusedExpired
		}
		return api.RefusedUntrusted
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return api.RefusedStalled
	case c.offered == offerOld:
		return api.RefusedTLSVersion
	case c.offered == offerHTTP:
		return api.RefusedHTTP
	case err.Error() == textNoCertificate:
		return api.RefusedNoCert
	}
	return api.RefusedHandshake
}

// textNoCertificate is how crypto/tls says it; there is no value to compare with.
const textNoCertificate = "tls: client didn't provide a certificate"

// distrusts returns the alert by which a client refused our certificate, if that was the end of its
// handshake.
func distrusts(err error) (tls.AlertError, bool) {
	var failed *tlsconn.HandshakeError
	if !errors.As(err, &failed) || failed.Failure != tlsconn.FailureDistrust {
		return 0, false
	}
	return failed.Alert, true
}

func isDistrust(err error) bool {
	_, ok := distrusts(err)
	return ok
}

// violationOf returns what a network owes for a failed handshake, if anything: as at the
// subscribers' ports, honest clients and monitors owe nothing, or no more than they cost.
func violationOf(c *tlsConn, reason api.Refusal, err error, evicted bool) (admission.Violation, bool) {
	var failed *tlsconn.HandshakeError
	switch {
	case reason == api.RefusedStalled || evicted:
		return admission.HandshakeTimeout, true
	case errors.Is(err, errNotTLS):
		return admission.ProtocolBroken, reason != api.RefusedHTTP && !tlsconn.IsProxyHeader(c.wire.head)
	case !errors.As(err, &failed):
		return admission.HandshakeFailed, len(c.wire.head) > 0
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
