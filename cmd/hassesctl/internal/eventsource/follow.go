package eventsource

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
)

const (
	// firstRetry is how long to wait before reconnecting until the server sends retry:. Browsers
	// wait 2 to 5 s.
	firstRetry = 2 * time.Second
	// minRetry protects a server that asks for no wait at all.
	minRetry = 100 * time.Millisecond
	// maxBackoff is the longest wait while the server cannot be reached.
	maxBackoff = 30 * time.Second
	// maxEvent is the largest message of hassesd, 16 MiB, and its fields.
	maxEvent = 16<<20 + 64<<10
)

// Follower holds a stream open the way a browser's EventSource does: it reconnects when the stream
// ends, resumes after the last event, and gives up when the answer is not a stream.
type Follower struct {
	// Fixed while it runs.
	Client    *http.Client // see [NewClient]
	URL       string
	UserAgent string
	Authorize func(*http.Request) error          // adds credentials to each request; nil: none are needed
	Handle    func(context.Context, Event) error // an error ends it
	Note      func(format string, args ...any)   // for people, about the connection

	LastID string // the event to resume after; empty: none

	wait     func(context.Context, time.Duration) error // until it is time to reconnect
	retry    time.Duration                              // the server's; 0: it asked for none
	asked    bool                                       // the server set retry
	opened   bool                                       // at least once
	failures int                                        // attempts in a row that reached no stream
}

// Follow runs until ctx ends, which is no error, or until the stream is refused.
func (f *Follower) Follow(ctx context.Context) error {
	if f.wait == nil {
		f.wait = pauseFor
	}
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
			reason = inURL.Err // by now people know which URL
		}
		f.Note("%s; reconnecting in %s", reason, pause.String())
		if f.wait(ctx, pause) != nil {
			return nil
		}
	}
}

// lostError is an end of the connection after which a browser reconnects.
type lostError struct{ err error }

func (e *lostError) Error() string { return e.err.Error() }

// pause returns the server's retry:, doubled for each failure to reach it.
func (f *Follower) pause() time.Duration {
	retry := f.retry
	if !f.asked {
		retry = firstRetry
	}
	d := max(retry, minRetry)
	for range f.failures - 1 {
		if d *= 2; d >= maxBackoff {
			return max(maxBackoff, retry)
		}
	}
	return d
}

// stream makes one connection and handles its events to the end, which is always an error.
func (f *Follower) stream(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.URL, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Cache-Control", "no-cache") // as browsers do
	req.Header.Set("User-Agent", f.UserAgent)
	if f.LastID != "" && !strings.ContainsFunc(f.LastID, unicode.IsControl) {
		req.Header.Set("Last-Event-ID", f.LastID)
	}
	if f.Authorize != nil {
		if err := f.Authorize(req); err != nil {
			return err
		}
	}
	answer, err := f.Client.Do(req)
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

// hideQuery removes the query from the URL in err: its signature would let in anybody who reads the
// error.
func hideQuery(err error) {
	var inURL *url.Error
	if errors.As(err, &inURL) {
		inURL.URL, _, _ = strings.Cut(inURL.URL, "?")
	}
}

func (f *Follower) events(ctx context.Context, body io.Reader) error {
	reader := NewReader(body, f.LastID, maxEvent)
	for {
		ev, err := reader.Next()
		f.LastID = reader.LastID()
		if d, asked := reader.Retry(); asked {
			f.retry, f.asked = d, true
		}
		switch {
		case errors.Is(err, ErrEventTooLarge):
			return err
		case errors.Is(err, io.EOF):
			return &lostError{errors.New("the stream ended")}
		case err != nil:
			return &lostError{fmt.Errorf("the stream broke: %w", err)}
		}
		if err := f.Handle(ctx, ev); err != nil {
			return err
		}
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
