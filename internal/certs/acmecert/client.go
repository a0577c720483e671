package acmecert

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/acme"

	"github.com/hassesd/hassesd/internal/safetext"
)

const (
	// requestTimeout bounds one request to the authority.
	requestTimeout = 30 * time.Second
	// maxAnswer bounds the size of a response. A chain has about 20 KiB.
	maxAnswer = 1 << 20
	// patience bounds the wait between two requests within a try. A longer Retry-After ends the
	// try.
	patience = 10 * time.Second
)

// newHTTPClient returns a client for an authority whose certificate is signed by roots; nil means
// the system's roots.
func newHTTPClient(roots *x509.CertPool) *http.Client {
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: requestTimeout}).DialContext,
		TLSClientConfig:       &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   requestTimeout,
		ResponseHeaderTimeout: requestTimeout,
	}
	return &http.Client{
		Transport: &bounded{transport},
		Timeout:   requestTimeout,
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if r.URL.Scheme != "https" || len(via) > 3 {
				return fmt.Errorf("the authority sends us to %s, which is not followed", r.URL.Redacted())
			}
			return nil
		},
	}
}

// bounded limits the size of responses.
type bounded struct{ transport *http.Transport }

// RoundTrip implements http.RoundTripper.
func (b *bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.transport.RoundTrip(r)
	if err == nil {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(res.Body, maxAnswer), res.Body}
	}
	return res, err
}

// CloseIdleConnections lets http.Client reach the transport.
func (b *bounded) CloseIdleConnections() { b.transport.CloseIdleConnections() }

// retryBackoff returns how long acme.Client waits before it sends a request for the nth time; 0
// ends the try. Longer waits are up to the schedule.
func retryBackoff(n int, _ *http.Request, res *http.Response) time.Duration {
	switch {
	case res.StatusCode == http.StatusBadRequest:
		// A nonce was too old. The response contains a new one, so there is no need to wait.
		if n > 20 {
			return 0
		}
		return 50 * time.Millisecond
	case res.StatusCode == http.StatusTooManyRequests || n > 3:
		return 0
	}
	if asked, ok := parseRetryAfter(res.Header.Get("Retry-After"), time.Now()); ok {
		if wait := time.Until(asked); wait <= patience {
			return max(wait, time.Second)
		}
		return 0
	}
	return time.Duration(n) * time.Second
}

// retryAfter returns when the authority wants to be asked again according to the error, or the zero
// time.
func retryAfter(err error, now time.Time) time.Time {
	if problem, ok := errors.AsType[*acme.Error](err); ok {
		at, _ := parseRetryAfter(problem.Header.Get("Retry-After"), now)
		return at
	}
	return time.Time{}
}

// parseRetryAfter reads the value of a Retry-After field, a number of seconds or a date (RFC 9110
// section 10.2.3).
func parseRetryAfter(value string, now time.Time) (time.Time, bool) {
	if value == "" {
		return time.Time{}, false
	}
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return now.Add(time.Duration(seconds) * time.Second), true
	}
	at, err := http.ParseTime(value)
	return at, err == nil
}

// maxErrorText bounds the text of an error, in bytes before escapes: authorities quote what they
// got from a host.
const maxErrorText = 400

// errorText returns err as one line of printable ASCII, cut to maxErrorText: authorities write much
// of it.
func errorText(err error) string { return safetext.ASCII(errorLine(err)) }

// errorLine returns err as one line, cut to maxErrorText. It is for the log, which escapes what it
// writes.
func errorLine(err error) string {
	line := strings.Join(strings.Fields(err.Error()), " ")
	if short := safetext.Cut(line, maxErrorText); short != line {
		return short + "..."
	}
	return line
}
