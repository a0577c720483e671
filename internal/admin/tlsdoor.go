package admin

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/safetext"
	"github.com/hassesd/hassesd/internal/tlsconn"
)

// Bounds of a connection that has not shown yet who it is.
const (
	handshakeTimeout = 10 * time.Second
	// lingerTimeout is how long a refused client has to read why: data that is still under way from it when the
	// socket is closed would make the kernel throw the alert away.
	lingerTimeout = time.Second
	lingerBytes   = 64 << 10
)

// errNoRole ends the handshake of a certificate that is good, but in no list.
var errNoRole = errors.New("the certificate has no role")

// serverConfig returns the configuration of one connection, which takes note of what the handshake shows.
func serverConfig(a *access.MutualTLS, c *sealedConn) *tls.Config {
	config := a.Config()
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		c.offered = offerOf(hello)
		return nil, nil //nolint:nilnil // the configuration at hand goes on
	}
	config.VerifyConnection = func(state tls.ConnectionState) error {
		leaf := state.PeerCertificates[0]
		if _, c.identity = a.RoleOf(leaf); c.identity == "" {
			c.strangers = strings.Join(api.Identities(leaf), " ")
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

// identify is the TLS handshake: it finds out who the peer is and which role that has. Whoever has none is refused.
func (c *conn) identify() bool {
	sealed, ok := c.out.(*sealedConn)
	if !ok {
		panic("admin: internal error: a connection of the TLS door without TLS")
	}
	deadline := time.Now().Add(c.server.handshakeTimeout)
	ctx, cancel := context.WithDeadline(c.server.ctx, deadline)
	defer cancel()
	err := net.ErrClosed
	if c.input.armUntil(deadline) {
		err = sealed.handshake(ctx)
	}
	if err == nil {
		c.commend()
		err = c.server.enter(c)
	}
	if err == nil {
		c.principal.Chain, c.principal.Since = sealed.ConnectionState().PeerCertificates, time.Now()
		c.log = c.log.With("identity", safetext.ASCII(sealed.identity))
		c.principal.Judge(c.server.rules(access.TLS))
		c.setStranger(c.principal.Role() == api.RoleNone) // the rules may be others than those of the handshake
		c.log.Debug("control connection identified", "role", string(c.principal.Role()))
		return true
	}
	defer c.input.src.cut()
	if c.input.isStopping() {
		return false // nobody's fault
	}
	reason := sealed.refusal(err)
	c.server.mu.Lock()
	if c.isEvicted {
		reason, err = api.RefusedConnections, errEvicted
	}
	if !errors.Is(err, errNoPlace) {
		c.offend(sealed, reason, err)
	}
	attrs := []slog.Attr{slog.String("err", safetext.Cut(safetext.ASCII(err.Error()), maxStrange))}
	if alert, ok := distrusts(err); ok {
		attrs = []slog.Attr{
			slog.String("alert", alert.Error()),
			slog.String("hint", "the client does not trust our certificate: give it the authority that signed it (hassesctl --ca)"),
		}
	}
	if sealed.strangers != "" {
		attrs = append(attrs, slog.String("identities", safetext.Cut(safetext.ASCII(sealed.strangers), maxStrange)))
	}
	c.server.turnAway(c.log, reason, attrs...)
	c.server.mu.Unlock()
	if reason != api.RefusedStalled && reason != api.RefusedConnections {
		sealed.linger()
	}
	return false
}

// maxStrange bounds what of a record in the log may have been written by a stranger.
const maxStrange = 500

// refusal is the reason for which the handshake ended with err.
func (c *sealedConn) refusal(err error) api.Refusal {
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, errNoPlace), errors.Is(err, errEvicted):
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

// distrusts returns the alert by which a client refused our certificate, if that was the end of its handshake.
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

// textNoCertificate is how crypto/tls says it; there is no value to compare with.
const textNoCertificate = "tls: client didn't provide a certificate"

// linger lets the peer read the alert before the socket is closed.
func (c *sealedConn) linger() {
	if c.wire.CloseWrite() != nil || c.wire.TCPConn.SetReadDeadline(time.Now().Add(lingerTimeout)) != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, c.wire.TCPConn, lingerBytes) // what a refused client says is of no interest
}
