package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/eventsource"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
	"github.com/hassesd/hassesd/internal/admin/api"
)

// explain returns an error with its exit code and with what to do next.
func explain(err error) *exit.Error {
	var f *exit.Error
	if errors.As(err, &f) {
		return f
	}
	f = &exit.Error{Code: exit.Failed, Err: err}
	var answer *api.Error
	var refused *eventsource.RefusedError
	var notTrusted *tls.CertificateVerificationError
	switch {
	case errors.As(err, &refused):
		f.Code, f.Hint = refusedStream(refused.Status)
	case errors.Is(err, api.ErrCertificate):
		f.Code = exit.NotAllowed
		f.Hint = "the daemon requires --cert and --key from its client authority, with a role in its control.tls; its log has the reason"
	case errors.Is(err, api.ErrNotAllowed):
		f.Code = exit.NotAllowed
		f.Hint = "only its group may use the control socket: see control.unix_group of the daemon, or use sudo"
	case errors.Is(err, api.ErrNotFound):
		f.Code = exit.NotFound
	case errors.Is(err, api.ErrOverloaded):
		f.Hint = "try again in a moment"
	case errors.Is(err, api.ErrTimeout), isTimeout(err):
		f.Code, f.Hint = exit.Timeout, "is it busy? hassesctl status shows that; --timeout 30s waits longer"
	case errors.Is(err, api.ErrUnreachable), isUnreachable(err):
		f.Code, f.Hint = exit.Unreachable, "is hassesd running? systemctl status hassesd"
	}
	switch {
	case errors.As(err, &notTrusted):
		f.Hint = trustHint(notTrusted.Err)
	case !errors.As(err, &answer):
	case answer.Hint != "" || answer.Code == api.CodeNotAllowed:
		f.Hint = answer.Hint
	case answer.Code == codeMethodNotFound:
		f.Hint = "the daemon does not know this command; hassesctl version shows whether it is older"
	}
	return f
}

// trustHint returns what helps against a certificate that was not accepted.
func trustHint(reason error) string {
	var otherName x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(reason, &otherName):
		return "the certificate is for other names, which --ca does not change: name one of them, with --url https://NAME/PATH for a stream, with --tcp NAME:PORT for the control port"
	case errors.As(reason, &invalid) && invalid.Reason == x509.Expired:
		return "it has expired or is not valid yet, which --ca does not change: see hassesctl certs on the daemon's machine; is the clock of this machine right?"
	}
	return "trust a certificate of your own with --ca FILE"
}

// codeMethodNotFound is JSON-RPC's own.
const codeMethodNotFound = -32601

func refusedStream(status int) (code int, hint string) {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return exit.NotAllowed, ""
	case http.StatusNotFound:
		return exit.NotFound, "the path must be that of the daemon's URL: see --url"
	}
	return exit.Failed, ""
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// isUnreachable reports whether no connection to a server came about.
func isUnreachable(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}
