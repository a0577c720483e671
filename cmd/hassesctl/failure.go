package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/hassesd/hassesd/internal/admin"
)

// The exit codes. They are a promise: scripts branch on them.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitUnreachable = 3
	exitNotAllowed  = 4
	exitNotFound    = 5
	exitTimeout     = 6
)

// exitCodes are their meanings, for the help.
var exitCodes = [...]string{
	exitOK:          "ok",
	exitFailed:      "failed",
	exitUsage:       "the command line or the environment makes no sense",
	exitUnreachable: "the daemon cannot be reached",
	exitNotAllowed:  "not allowed",
	exitNotFound:    "not found: no such client or room, or no receivers",
	exitTimeout:     "timed out",
}

// failure is an error with its exit code and what to do next.
type failure struct {
	code int
	err  error
	hint string // may be empty
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// usagef is a mistake in the command line.
func usagef(format string, args ...any) error {
	return &failure{exitUsage, fmt.Errorf(format, args...), ""}
}

// notFoundf is the end of a command that did what it was told to, to nobody.
func notFoundf(format string, args ...any) error {
	return &failure{exitNotFound, fmt.Errorf(format, args...), ""}
}

// explain finds out what an error means to the one who gave the command, and what to do next.
func explain(err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	f = &failure{exitFailed, err, ""}
	var answer *admin.Error
	var refused *answerError
	var notTrusted *tls.CertificateVerificationError
	switch {
	case errors.As(err, &refused):
		f.code, f.hint = refusedStream(refused.status)
	case errors.Is(err, admin.ErrCertificate):
		f.code = exitNotAllowed
		f.hint = "the daemon wants --cert and --key of its client authority, with a role in its control.tls; its log says what is wrong"
	case errors.Is(err, admin.ErrNotAllowed):
		f.code = exitNotAllowed
		f.hint = "the control socket is for its group: see control.unix_group of the daemon, or use sudo"
	case errors.Is(err, admin.ErrNotFound):
		f.code = exitNotFound
	case errors.Is(err, admin.ErrOverloaded):
		f.hint = "try again in a moment"
	case errors.Is(err, admin.ErrTimeout), isTimeout(err):
		f.code, f.hint = exitTimeout, "is it busy? hassesctl status tells; --timeout 30s waits longer"
	case errors.Is(err, admin.ErrUnreachable), isUnreachable(err):
		f.code, f.hint = exitUnreachable, "is hassesd running? systemctl status hassesd"
	}
	switch {
	case errors.As(err, &notTrusted):
		f.hint = trustHint(notTrusted.Err)
	case !errors.As(err, &answer):
	case answer.Hint != "" || answer.Code == admin.CodeNotAllowed:
		f.hint = answer.Hint
	case answer.Code == codeMethodNotFound:
		f.hint = "the daemon does not know this command; hassesctl version shows whether it is an older one"
	}
	return f
}

// trustHint says what helps against a certificate that was not accepted.
func trustHint(reason error) string {
	var otherName x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(reason, &otherName):
		return "the certificate is for other names, which --ca does not change: name one of them, with --url https://NAME/PATH for a stream, with --tcp NAME:PORT for the control port"
	case errors.As(reason, &invalid) && invalid.Reason == x509.Expired:
		return "its time is over or has not come, which --ca does not change: hassesctl certs on the daemon's machine shows it; is the clock of this machine right?"
	}
	return "to trust a certificate of your own: --ca FILE"
}

// codeMethodNotFound is JSON-RPC's own.
const codeMethodNotFound = -32601

func refusedStream(status int) (code int, hint string) {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return exitNotAllowed, ""
	case http.StatusNotFound:
		return exitNotFound, "the daemon's path is the end of its URL: see --url"
	}
	return exitFailed, ""
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// isUnreachable tells failures to get to a server at all.
func isUnreachable(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}
