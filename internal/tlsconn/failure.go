package tlsconn

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
)

// Failure is why a handshake failed. The set is closed.
type Failure uint8

// The failures. Those of well-behaved clients come first.
const (
	FailureLeft        Failure = iota // the client left during the handshake, or the network failed
	FailureDistrust                   // the client sent an alert: it does not trust our certificate
	FailureAlert                      // the client sent another alert
	FailureUnsupported                // no common version, cipher, name or protocol
	FailureHTTP                       // the client speaks HTTP without TLS
	FailureProxyHeader                // the client sent a PROXY protocol header
	FailureNotTLS                     // the client speaks neither TLS nor any of these
	FailureBroken                     // the client sent records or messages that TLS does not allow
)

var failureNames = [...]string{
	FailureLeft:        "left",
	FailureDistrust:    "distrust",
	FailureAlert:       "alert",
	FailureUnsupported: "unsupported",
	FailureHTTP:        "http",
	FailureProxyHeader: "proxy_header",
	FailureNotTLS:      "not_tls",
	FailureBroken:      "broken",
}

func (f Failure) String() string { return failureNames[f] }

// HandshakeError is the error of a handshake that failed because of the peer or the network.
type HandshakeError struct {
	Failure  Failure
	Alert    tls.AlertError // the client's, with FailureDistrust and FailureAlert
	Answered bool           // we had sent a handshake message, so the handshake cost us its computations
	Err      error          // of crypto/tls or the descriptor
}

// Error returns the text of Err.
func (e *HandshakeError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *HandshakeError) Unwrap() error { return e.Err }

// Blame is how to judge a client whose handshake failed.
type Blame uint8

// The blames.
const (
	BlameNothing Blame = iota // well-behaved clients, monitors and proxies do this, at no extra cost to us
	BlameCost                 // possibly well-behaved, but we computed a signature for nothing
	BlameMalice               // no well-behaved client does this
)

// Blame returns how to judge the failure. Until our first message goes out, we have computed next
// to nothing. A client that does not trust our certificate costs as much as one that does, and is
// subject to the same bounds.
func (e *HandshakeError) Blame() Blame {
	switch e.Failure {
	case FailureNotTLS, FailureBroken:
		return BlameMalice
	case FailureDistrust, FailureHTTP, FailureProxyHeader:
		return BlameNothing
	case FailureLeft, FailureAlert, FailureUnsupported:
	}
	if e.Answered {
		return BlameCost
	}
	return BlameNothing
}

// Alerts that this package distinguishes (RFC 8446 section 6).
const (
	alertCloseNotify        tls.AlertError = 0
	alertUnexpectedMessage  tls.AlertError = 10
	alertBadRecordMAC       tls.AlertError = 20
	alertRecordOverflow     tls.AlertError = 22
	alertBadCertificate     tls.AlertError = 42
	alertUnsupportedCert    tls.AlertError = 43
	alertCertificateRevoked tls.AlertError = 44
	alertCertificateExpired tls.AlertError = 45
	alertCertificateUnknown tls.AlertError = 46
	alertUnknownCA          tls.AlertError = 48
	alertDecodeError        tls.AlertError = 50
	alertUserCanceled       tls.AlertError = 90
	alertBadStatusResponse  tls.AlertError = 113
)

// isDistrust reports whether the alert means that a client rejects our certificate. Most clients
// send certificate_unknown for any reason.
func isDistrust(a tls.AlertError) bool {
	switch a {
	case alertBadCertificate, alertUnsupportedCert, alertCertificateRevoked, alertCertificateExpired, alertCertificateUnknown,
		alertUnknownCA, alertBadStatusResponse:
		return true
	}
	return false
}

// Judge returns why the traced handshake ended with err, an error of crypto/tls or of the
// descriptor.
func (t *Trace) Judge(err error) *HandshakeError {
	e := &HandshakeError{Answered: t.answered, Err: err}
	e.Failure, e.Alert = t.judge(err)
	return e
}

func (t *Trace) judge(err error) (Failure, tls.AlertError) {
	if alert, ok := PeerAlert(err); ok {
		return judgeAlert(alert), alert
	}
	if isTransport(err) {
		return FailureLeft, 0
	}
	var header tls.RecordHeaderError
	isHeader := errors.As(err, &header)
	if isHeader && header.Conn != nil {
		return judgeFirst(t.first[:t.begun]), 0
	}
	// OpenSSL sends its alert about a certificate before it switches to the keys of TLS 1.3. Some
	// clients send it with the record version of their hello.
	if alert, ok := t.plainAlert(); ok && (isHeader || isLocal(err)) {
		return judgeAlert(tls.AlertError(alert)), tls.AlertError(alert)
	}
	switch {
	case isHeader && isSSLv2(t.first[:t.begun]):
		return FailureUnsupported, 0
	case isHeader && t.inPlainAlert() && t.rest > 0: // crypto/tls did not wait for its description
		return FailureAlert, 0
	case isHeader, isLocal(err), slices.Contains(breaches, tls.AlertError(t.verdict)):
		return FailureBroken, 0
	}
	return FailureUnsupported, 0
}

// breaches are the alerts that crypto/tls sends when the input is not valid TLS. It sends its other
// alerts for valid TLS that we cannot serve.
var breaches = []tls.AlertError{alertUnexpectedMessage, alertBadRecordMAC, alertRecordOverflow, alertDecodeError}

func judgeAlert(a tls.AlertError) Failure {
	switch {
	case isDistrust(a):
		return FailureDistrust
	case a == alertCloseNotify, a == alertUserCanceled:
		return FailureLeft
	}
	return FailureAlert
}

// judgeFirst returns the failure of a client whose first bytes are not a handshake record.
func judgeFirst(first []byte) Failure {
	switch {
	case IsProxyHeader(first):
		return FailureProxyHeader
	case looksLikeHTTP(first):
		return FailureHTTP
	}
	return FailureNotTLS
}

// proxySignature starts a header of the PROXY protocol, version 2. Version 1 starts with proxyWord
// and a space.
const (
	proxySignature = "\r\n\r\n\x00\r\nQUIT\n"
	proxyWord      = "PROXY"
)

// IsProxyHeader reports whether first, at least five bytes at the start of a connection, begins a
// PROXY header.
func IsProxyHeader(first []byte) bool {
	for _, sign := range []string{proxySignature, proxyWord + " "} {
		n := min(len(first), len(sign))
		if n >= headerLen && string(first[:n]) == sign[:n] {
			return true
		}
	}
	return false
}

// IsClientHello reports whether first, the first bytes of a connection, begins the record of a
// ClientHello.
func IsClientHello(first []byte) bool {
	return len(first) > headerLen && first[0] == recordHandshake && first[1] == 3 && first[headerLen] == 1
}

// looksLikeHTTP reports whether five bytes begin a request line: a method in capital letters, with
// a space after a short one. HTTP/2 without TLS starts in the same way.
func looksLikeHTTP(first []byte) bool {
	if len(first) < headerLen {
		return false
	}
	letters := bytes.IndexFunc(first, func(r rune) bool { return r < 'A' || 'Z' < r })
	return letters < 0 || letters >= 3 && first[letters] == ' '
}

// isSSLv2 reports whether first is an SSLv2 hello (RFC 5246 appendix E.2).
func isSSLv2(first []byte) bool {
	return len(first) == headerLen && first[0] == 0x80 && first[2] == 1 && (first[3] == 3 || first[3] == 0 && first[4] == 2)
}

// PeerAlert returns the alert with which the peer ended a connection, if err is crypto/tls's error
// for one.
func PeerAlert(err error) (tls.AlertError, bool) {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" || op.Err == nil {
		return 0, false
	}
	a, ok := alertOf()[op.Err.Error()]
	return a, ok
}

// alertOf maps texts to alerts. crypto/tls returns alerts as an unexported type with the text of
// tls.AlertError.
var alertOf = sync.OnceValue(func() map[string]tls.AlertError {
	alerts := make(map[string]tls.AlertError, 256)
	for a := range 256 {
		alerts[tls.AlertError(a).Error()] = tls.AlertError(a)
	}
	return alerts
})

// Distrusts returns the alert by which the peer rejected our certificate after its handshake. Some
// clients verify it only then.
func Distrusts(err error) (tls.AlertError, bool) {
	a, ok := PeerAlert(err)
	return a, ok && isDistrust(a)
}

// isLocal reports whether crypto/tls rejected a record.
func isLocal(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "local error"
}

// isTransport reports whether err comes from below TLS, or from a close_notify. Errors of the
// operating system have the methods of a net.Error. Those of crypto/tls do not, except its local
// error.
func isTransport(err error) bool {
	_, isNet := errors.AsType[temporary](err)
	return isNet && !isLocal(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrNoProgress) || errors.Is(err, ErrBacklog)
}
