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

// Failure says why a handshake failed, and so whose fault it is. The set is closed.
type Failure uint8

// The failures, the honest ones first.
const (
	FailureLeft        Failure = iota // the client went away in the middle, or the network failed
	FailureDistrust                   // the client does not trust our certificate, and says so
	FailureAlert                      // the client gives up and says another reason
	FailureUnsupported                // it asks for a version, cipher, name or protocol that we do not have
	FailureHTTP                       // it speaks HTTP without TLS
	FailureProxyHeader                // it is a proxy, and says first for whom it speaks (the PROXY protocol)
	FailureNotTLS                     // it speaks neither TLS nor any of these
	FailureBroken                     // its records or messages are not what TLS allows
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

// HandshakeError is the error of a handshake that the other side, or the network, ended.
type HandshakeError struct {
	Failure  Failure
	Alert    tls.AlertError // the client's, with FailureDistrust and FailureAlert
	Answered bool           // a message of ours had gone out: it has cost what a handshake costs
	Err      error          // of crypto/tls or the descriptor
}

// Error returns the text of Err.
func (e *HandshakeError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *HandshakeError) Unwrap() error { return e.Err }

// Blame is what a client has to answer for whose handshake failed.
type Blame uint8

// The blames.
const (
	BlameNothing Blame = iota // honest clients, monitors and proxies do so, and it has cost no more than one of theirs
	BlameCost                 // it may be honest, but a signature was spent for nothing
	BlameMalice               // no honest client does so
)

// Blame judges the failure. Until our first message goes out next to nothing has been computed. A client that does not trust
// our certificate has cost what one costs that does, and the bounds on those hold for it as well.
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

// Alerts with a meaning here (RFC 8446 section 6).
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

// isDistrust reports whether a client that sends the alert finds fault with our certificate. Most say certificate_unknown
// for all they do not like.
func isDistrust(a tls.AlertError) bool {
	switch a {
	case alertBadCertificate, alertUnsupportedCert, alertCertificateRevoked, alertCertificateExpired, alertCertificateUnknown,
		alertUnknownCA, alertBadStatusResponse:
		return true
	}
	return false
}

// Judge says why the handshake that was traced ended with err, an error of crypto/tls or of the descriptor.
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
	// OpenSSL sends its alert about a certificate before it takes the keys of TLS 1.3 for what it sends, and some send it
	// with the record version of their hello.
	if alert, ok := t.plainAlert(); ok && (isHeader || isLocal(err)) {
		return judgeAlert(tls.AlertError(alert)), tls.AlertError(alert)
	}
	switch {
	case isHeader && isSSLv2(t.first[:t.begun]):
		return FailureUnsupported, 0
	case isHeader && t.inPlainAlert() && t.rest > 0: // and crypto/tls did not wait for what it says
		return FailureAlert, 0
	case isHeader, isLocal(err), slices.Contains(breaches, tls.AlertError(t.verdict)):
		return FailureBroken, 0
	}
	return FailureUnsupported, 0
}

// breaches are the alerts that say that what came was not TLS. Others that crypto/tls sends say that it was, but that we
// cannot serve it.
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

// judgeFirst says what a client speaks whose first record is none of a handshake.
func judgeFirst(first []byte) Failure {
	switch {
	case IsProxyHeader(first):
		return FailureProxyHeader
	case looksLikeHTTP(first):
		return FailureHTTP
	}
	return FailureNotTLS
}

// proxySignature is how version 2 of the PROXY protocol begins; version 1 begins with proxyWord and a space.
const (
	proxySignature = "\r\n\r\n\x00\r\nQUIT\n"
	proxyWord      = "PROXY"
)

// IsProxyHeader reports whether first, the first bytes of a connection, at least five, begin a PROXY header.
func IsProxyHeader(first []byte) bool {
	for _, sign := range []string{proxySignature, proxyWord + " "} {
		n := min(len(first), len(sign))
		if n >= headerLen && string(first[:n]) == sign[:n] {
			return true
		}
	}
	return false
}

// IsClientHello reports whether first, the first bytes of a connection, begin the record of a ClientHello.
func IsClientHello(first []byte) bool {
	return len(first) > headerLen && first[0] == recordHandshake && first[1] == 3 && first[headerLen] == 1
}

// looksLikeHTTP reports whether five bytes begin a request line: a method in capital letters, and after a short one a blank.
// HTTP/2 without TLS begins so as well.
func looksLikeHTTP(first []byte) bool {
	if len(first) < headerLen {
		return false
	}
	letters := bytes.IndexFunc(first, func(r rune) bool { return r < 'A' || 'Z' < r })
	return letters < 0 || letters >= 3 && first[letters] == ' '
}

// isSSLv2 reports whether a client that is older than TLS sent its hello (RFC 5246 appendix E.2).
func isSSLv2(first []byte) bool {
	return len(first) == headerLen && first[0] == 0x80 && first[2] == 1 && (first[3] == 3 || first[3] == 0 && first[4] == 2)
}

// PeerAlert returns the alert with which the other side ended a connection, if err is crypto/tls's word for one.
func PeerAlert(err error) (tls.AlertError, bool) {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" || op.Err == nil {
		return 0, false
	}
	a, ok := alertOf()[op.Err.Error()]
	return a, ok
}

// alertOf finds an alert by its text: the type of crypto/tls's error is its own, its text the one of tls.AlertError.
var alertOf = sync.OnceValue(func() map[string]tls.AlertError {
	alerts := make(map[string]tls.AlertError, 256)
	for a := range 256 {
		alerts[tls.AlertError(a).Error()] = tls.AlertError(a)
	}
	return alerts
})

// Distrusts returns the alert by which the other side said, after its handshake, that it does not trust our certificate: a
// client may look at it when the keys are agreed on.
func Distrusts(err error) (tls.AlertError, bool) {
	a, ok := PeerAlert(err)
	return a, ok && isDistrust(a)
}

// isLocal reports whether crypto/tls found fault with a record.
func isLocal(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "local error"
}

// isTransport reports whether err comes from below TLS, or from a close_notify. What the operating system returns has the
// methods of a net.Error; what crypto/tls returns has not, but for its local error.
func isTransport(err error) bool {
	_, isNet := errors.AsType[temporary](err)
	return isNet && !isLocal(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrNoProgress) || errors.Is(err, ErrBacklog)
}
