package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"testing"

	"github.com/hassesd/hassesd/internal/admin"
)

func TestExitCodes(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		want int
	}{
		{"anything", errors.New("x"), exitFailed},
		{"usage", usagef("x"), exitUsage},
		{"no receivers", notFoundf("x"), exitNotFound},
		{"unreachable", admin.ErrUnreachable, exitUnreachable},
		{"not allowed", admin.ErrNotAllowed, exitNotAllowed},
		{"not found", admin.ErrNotFound, exitNotFound},
		{"timed out", admin.ErrTimeout, exitTimeout},
		{"overloaded", admin.ErrOverloaded, exitFailed},
		{"too large", admin.ErrTooLarge, exitFailed},
		{"answer: not allowed", &admin.Error{Code: admin.CodeNotAllowed}, exitNotAllowed},
		{"answer: not found", &admin.Error{Code: admin.CodeNotFound}, exitNotFound},
		{"answer: bad parameters", &admin.Error{Code: -32602}, exitFailed},
		{"stream: no token", &answerError{status: 401}, exitNotAllowed},
		{"stream: forbidden", &answerError{status: 403}, exitNotAllowed},
		{"stream: no such path", &answerError{status: 404}, exitNotFound},
		{"stream: broken", &answerError{status: 500}, exitFailed},
		{"stream: refused to connect", &net.OpError{Op: "dial", Err: errors.New("x")}, exitUnreachable},
		{"stream: connects for too long", &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}, exitTimeout},
		{"stream: reset", &net.OpError{Op: "read", Err: errors.New("x")}, exitFailed},
		{"stream: deadline", context.DeadlineExceeded, exitTimeout},
		{"stream: stranger's certificate", &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, exitFailed},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := explain(fmt.Errorf("wrapped: %w", test.err)).code; got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

func TestHints(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		want string
	}{
		{"unreachable", admin.ErrUnreachable, "is hassesd running? systemctl status hassesd"},
		{"the daemon's own", &admin.Error{Code: admin.CodeOverloaded, Hint: "wait"}, "wait"},
		{"the daemon has none", &admin.Error{Code: admin.CodeOverloaded}, "try again in a moment"},
		{"not the socket's fault", &admin.Error{Code: admin.CodeNotAllowed}, ""},
		{"the socket's fault", admin.ErrNotAllowed, "the control socket is for its group: see control.unix_group of the daemon, or use sudo"},
		{"a certificate's fault", fmt.Errorf("%w: %w", admin.ErrNotAllowed, &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}), "to trust a certificate of your own: --ca FILE"},
		{"a certificate for others", &tls.CertificateVerificationError{Err: x509.HostnameError{Certificate: &x509.Certificate{}, Host: "localhost"}}, "the certificate is for other names, which --ca does not change: name one of them, with --url https://NAME/PATH for a stream, with --tcp NAME:PORT for the control port"},
		{"a certificate of another time", &tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.Expired}}, "its time is over or has not come, which --ca does not change: hassesctl certs on the daemon's machine shows it; is the clock of this machine right?"},
		{"a certificate with another fault", &tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.NotAuthorizedToSign}}, "to trust a certificate of your own: --ca FILE"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := explain(test.err).hint; got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestEveryExitCodeIsExplained(t *testing.T) {
	for code, meaning := range exitCodes {
		if meaning == "" {
			t.Errorf("%d has no meaning", code)
		}
	}
}
