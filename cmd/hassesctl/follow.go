package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
)

const (
	// firstRetry is how long to wait before reconnecting until the server says otherwise; browsers take 2 to 5 s.
	firstRetry = 2 * time.Second
	// minRetry keeps a server that asks for none from being stormed.
	minRetry = 100 * time.Millisecond
	// maxBackoff is the longest wait while the server cannot be reached.
	maxBackoff = 30 * time.Second
	// maxEvent is the largest message of hassesd, and its fields.
	maxEvent = maxMessage + 64<<10
	// maxRefusal is how much of a refusal is read for its reason.
	maxRefusal = 4 << 10
)

// follower holds a stream open the way a browser's EventSource does: it reconnects when the stream ends, resumes after
// the last event, and gives up when the answer is not a stream.
type follower struct {
	client *http.Client
	url    string
	show   func(*http.Request) error                  // adds who we are to each request; nil: nobody asks
	handle func(context.Context, event) error         // an error ends it
	note   func(format string, args ...any)           // for people, about the connection
	wait   func(context.Context, time.Duration) error // until it is time to reconnect

	lastID   string
	retry    time.Duration
	opened   bool // at least once
	failures int  // attempts in a row that reached no stream
}

// follow runs until ctx ends, which is no error, or until the stream is refused.
func (f *follower) follow(ctx context.Context) error {
	for {
		err := f.stream(ctx)
		if ctx.Err() != nil {
			return nil
		}
		var lost *lostError
		if !errors.As(err, &lost) {
			return err
		}
		if !f.opened {
			return lost.err
		}
		pause, reason := f.pause(), lost.err
		var inURL *url.Error
		if errors.As(reason, &inURL) {
			reason = inURL.Err // it is known by now which URL that is
		}
		f.note("%s; reconnecting in %s\n", reason, pause.String())
		if f.wait(ctx, pause) != nil {
			return nil
		}
	}
}

// lostError is an end of the connection after which a browser reconnects.
type lostError struct{ err error }

func (e *lostError) Error() string { return e.err.Error() }

// pause is the server's retry:, doubled for each failure to reach it.
func (f *follower) pause() time.Duration {
	d := max(f.retry, minRetry)
	for range f.failures - 1 {
		if d *= 2; d >= maxBackoff {
			return max(maxBackoff, f.retry)
		}
	}
	return d
}

// stream makes one connection and handles its events to the end, which is always an error.
func (f *follower) stream(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Cache-Control", "no-cache") // as browsers do
	req.Header.Set("User-Agent", "hassesctl/"+clientVersion())
	if f.lastID != "" && !strings.ContainsFunc(f.lastID, unicode.IsControl) {
		req.Header.Set("Last-Event-ID", f.lastID)
	}
	if f.show != nil {
		if err := f.show(req); err != nil {
			return err
		}
	}
	answer, err := f.client.Do(req)
	if err != nil {
		f.failures++
		hideQuery(err)
		if isHopeless(err) {
			return err
		}
		return &lostError{err}
	}
	defer answer.Body.Close()
	if err := checkAnswer(answer); err != nil {
		return err
	}
	f.opened, f.failures = true, 0
	return f.events(ctx, answer.Body)
}

// hideQuery takes the query out of the URL that err names: its signature would let in whoever reads the error.
func hideQuery(err error) {
	var inURL *url.Error
	if errors.As(err, &inURL) {
		inURL.URL, _, _ = strings.Cut(inURL.URL, "?")
	}
}

func (f *follower) events(ctx context.Context, body io.Reader) error {
	reader := newEventReader(body, f.lastID, maxEvent)
	for {
		ev, err := reader.Next()
		f.lastID = reader.LastID()
		if d, asked := reader.Retry(); asked {
			f.retry = d
		}
		switch {
		case errors.Is(err, errEventTooLarge):
			return err
		case errors.Is(err, io.EOF):
			return &lostError{errors.New("the stream ended")}
		case err != nil:
			return &lostError{fmt.Errorf("the stream broke: %w", err)}
		}
		if err := f.handle(ctx, ev); err != nil {
			return err
		}
	}
}

// isHopeless tells failures that will be the same the next time.
func isHopeless(err error) bool {
	var notTrusted *tls.CertificateVerificationError
	var notTLS tls.RecordHeaderError
	return errors.As(err, &notTrusted) || errors.As(err, &notTLS) || errors.Is(err, errDowngrade)
}

// answerError is an answer that is not a stream: a browser would give up for good.
type answerError struct {
	status int
	reason string // what the server said, or nothing
}

func (e *answerError) Error() string {
	text := fmt.Sprintf("the stream was refused: %d %s", e.status, http.StatusText(e.status))
	if e.reason != "" {
		text += ": " + e.reason
	}
	return text
}

func checkAnswer(answer *http.Response) error {
	if answer.StatusCode != http.StatusOK {
		return &answerError{answer.StatusCode, refusalReason(answer.Body)}
	}
	got := answer.Header.Get("Content-Type")
	if kind, _, _ := mime.ParseMediaType(got); kind != "text/event-stream" {
		return fmt.Errorf("the answer is no event stream, but %q: is the URL right?", got)
	}
	return nil
}

// refusalReason is the message of hassesd's {"error":{"code","message"}}.
func refusalReason(body io.Reader) string {
	text, err := io.ReadAll(io.LimitReader(body, maxRefusal))
	if err != nil {
		return ""
	}
	var refusal struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(text, &refusal) != nil {
		return ""
	}
	return refusal.Error.Message
}

var errDowngrade = errors.New("redirected from https to http")

// newHTTPClient speaks HTTP/1.1, one connection a stream. Reaching the server, its handshake and the head of its answer
// have the timeout each; a stream has none.
func newHTTPClient(roots *x509.CertPool, timeout time.Duration) *http.Client {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: timeout}).DialContext,
			TLSClientConfig:       &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:   timeout,
			ResponseHeaderTimeout: timeout,
			DisableCompression:    true,
			DisableKeepAlives:     true,
			Protocols:             protocols,
		},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if len(via) >= 10 {
				return errors.New("redirected too often")
			}
			if via[len(via)-1].URL.Scheme == "https" && req.URL.Scheme != "https" {
				return errDowngrade
			}
			return nil
		},
	}
}

// pauseFor waits on the clock.
func pauseFor(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
