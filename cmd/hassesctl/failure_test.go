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

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/eventsource"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
	"github.com/hassesd/hassesd/internal/admin/api"
)

func TestExitCodes(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		want int
	}{
		{"anything", errors.New("x"), exit.Failed},
		{"usage", exit.Usagef("x"), exit.Usage},
		{"no receivers", exit.NotFoundf("x"), exit.NotFound},
		{"unreachable", api.ErrUnreachable, exit.Unreachable},
		{"not allowed", api.ErrNotAllowed, exit.NotAllowed},
		{"not found", api.ErrNotFound, exit.NotFound},
		{"timed out", api.ErrTimeout, exit.Timeout},
		{"overloaded", api.ErrOverloaded, exit.Failed},
		{"too large", api.ErrTooLarge, exit.Failed},
		{"answer: not allowed", &api.Error{Code: api.CodeNotAllowed}, exit.NotAllowed},
		{"answer: not found", &api.Error{Code: api.CodeNotFound}, exit.NotFound},
		{"answer: bad parameters", &api.Error{Code: -32602}, exit.Failed},
		{"stream: no token", &eventsource.RefusedError{Status: 401}, exit.NotAllowed},
		{"stream: forbidden", &eventsource.RefusedError{Status: 403}, exit.NotAllowed},
		{"stream: no such path", &eventsource.RefusedError{Status: 404}, exit.NotFound},
		{"stream: broken", &eventsource.RefusedError{Status: 500}, exit.Failed},
		{"stream: refused to connect", &net.OpError{Op: "dial", Err: errors.New("x")}, exit.Unreachable},
		{"stream: connects for too long", &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}, exit.Timeout},
		{"stream: reset", &net.OpError{Op: "read", Err: errors.New("x")}, exit.Failed},
		{"stream: deadline", context.DeadlineExceeded, exit.Timeout},
		{"stream: stranger's certificate", &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, exit.Failed},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := explain(fmt.Errorf("wrapped: %w", test.err)).Code; got != test.want {
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
		{"unreachable", api.ErrUnreachable, "is hassesd running? systemctl status hassesd"},
		{"the daemon's own", &api.Error{Code: api.CodeOverloaded, Hint: "wait"}, "wait"},
		{"the daemon has none", &api.Error{Code: api.CodeOverloaded}, "try again in a moment"},
		{"not the socket's fault", &api.Error{Code: api.CodeNotAllowed}, ""},
		{"the socket's fault", api.ErrNotAllowed, "only its group may use the control socket: see control.unix_group of the daemon, or use sudo"},
		{"a certificate's fault", fmt.Errorf("%w: %w", api.ErrNotAllowed, &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}), "trust a certificate of your own with --ca FILE"},
		{"a certificate for others", &tls.CertificateVerificationError{Err: x509.HostnameError{Certificate: &x509.Certificate{}, Host: "localhost"}}, "the certificate is for other names, which --ca does not change: name one of them, with --url https://NAME/PATH for a stream, with --tcp NAME:PORT for the control port"},
		{"a certificate of another time", &tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.Expired}}, "it has expired or is not valid yet, which --ca does not change: see hassesctl certs on the daemon's machine; is the clock of this machine right?"},
		{"a certificate with another fault", &tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.NotAuthorizedToSign}}, "trust a certificate of your own with --ca FILE"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := explain(test.err).Hint; got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestEveryExitCodeIsExplained(t *testing.T) {
	for code, meaning := range exit.Meanings {
		if meaning == "" {
			t.Errorf("%d has no meaning", code)
		}
	}
}
