package jetstream

import (
	"crypto/tls"
	"errors"
	"io"
	"strings"
	"syscall"

	"github.com/nats-io/nats.go"
)

// ConnectFailure is why a broker could not be connected to.
type ConnectFailure uint8

// The failures.
const (
	Unreachable  ConnectFailure = iota // none answers, or not in time
	TLSRefused                         // one end does not accept the certificate of the other, or does not speak TLS
	Unauthorized                       // the credentials are wrong, expired or revoked

	connectFailures
)

// String returns the failure as a label of metrics.
func (f ConnectFailure) String() string {
	switch f {
	case TLSRefused:
		return "tls"
	case Unauthorized:
		return "credentials"
	case Unreachable, connectFailures:
	}
	return "unreachable"
}

// ConnectError is why one broker could not be connected to.
type ConnectError struct {
	Failure ConnectFailure
	err     error
}

func (e *ConnectError) Error() string {
	switch e.Failure {
	case TLSRefused:
		return "a broker and this node do not accept each other's TLS (tls:// in cluster.nats, cluster.ca_file, cluster.cert_file): " + e.err.Error()
	case Unauthorized:
		return "a broker does not accept who this node is (cluster.credentials_file, cluster.cert_file): " + e.err.Error()
	case Unreachable, connectFailures:
	}
	return e.err.Error()
}

// Unwrap returns what the library reports.
func (e *ConnectError) Unwrap() error { return e.err }

// connectError returns err with the kind of failure. A broker that breaks off once this node has
// accepted its certificate does not accept this node's: its alert is often lost with the connection.
// One that breaks off before has shown no certificate, and counts as unreachable.
func connectError(err error, isTrusted bool) *ConnectError {
	e := &ConnectError{Failure: Unreachable, err: err}
	var header tls.RecordHeaderError
	switch {
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked), errors.Is(err, nats.ErrAccountAuthExpired):
		e.Failure = Unauthorized
	case errors.Is(err, nats.ErrSecureConnRequired), errors.Is(err, nats.ErrSecureConnWanted), errors.As(err, &header),
		strings.Contains(err.Error(), "tls: "), strings.Contains(err.Error(), "x509: "): // alerts of the other end have no exported type
		e.Failure = TLSRefused
	case isTrusted && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)):
		e.Failure = TLSRefused
	}
	return e
}
