package send

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/session"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/subscription"
	"github.com/hassesd/hassesd/internal/admin/api"
)

// maxAnswer is more than the longest answer to the messages of one request.
const maxAnswer = 1 << 20

// web publishes over HTTP. Each message has a key, one of its own if none was given, so that a
// request can be sent again when nobody knows what became of it.
type web struct {
	session *session.Session
	url     string
	token   string // its file; empty: none
	client  *http.Client
	prefix  string // of the keys of messages without one
	number  int    // of the last such key
	reached bool   // the server has answered before
}

func newWeb(s *session.Session, url, tokenFile string) (*web, error) {
	target, err := subscription.URL(url, nil)
	if err != nil {
		return nil, err
	}
	roots, err := subscription.Roots(s.CA, "")
	if err != nil {
		return nil, &exit.Error{Code: exit.Usage, Err: err, Hint: "see --ca"}
	}
	if tokenFile != "" {
		if _, err := session.ReadToken(tokenFile); err != nil {
			return nil, &exit.Error{Code: exit.Usage, Err: err, Hint: "the file of --token-file must hold the token or key alone"}
		}
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &web{session: s, url: target, token: tokenFile, prefix: rand.Text(), client: &http.Client{
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: s.Timeout}).DialContext,
			TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout: s.Timeout,
			DisableCompression:  true,
			Protocols:           protocols,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // nobody else gets the token
	}}, nil
}

// close implements publisher.
func (w *web) close() { w.client.CloseIdleConnections() }

// publish implements publisher.
func (w *web) publish(ctx context.Context, messages []api.SendParams) (sent []api.Sent, failed int, err error) {
	list := make([]api.SendParams, len(messages))
	for i, m := range messages {
		if m.Key == "" {
			w.number++
			m.Key = fmt.Sprintf("%s-%d", w.prefix, w.number)
		}
		list[i] = m
	}
	for attempt := 0; ; {
		results, a := w.post(ctx, list[failed:])
		progress := 0
		for i, one := range results {
			if one.err != nil {
				a.err, a.again = one.err, one.again && isSame(results[i:])
				break
			}
			sent = append(sent, one.Sent)
			progress++
		}
		failed += progress
		switch {
		case a.err == nil:
			return sent, 0, nil
		case progress > 0:
			attempt = 0
		}
		if !a.again || !pause(ctx, attempt, a.after) {
			for _, one := range results[min(progress, len(results)):] { // that came through behind it
				if one.err == nil {
					sent = append(sent, one.Sent)
				}
			}
			return sent, failed, a.err
		}
		attempt++
	}
}

// isSame reports whether all of the results are failures that another attempt may end: then nothing
// was published out of order.
func isSame(results []result) bool {
	for _, one := range results {
		if one.err == nil || !one.again {
			return false
		}
	}
	return true
}

// result is what became of one message.
type result struct {
	api.Sent
	Error *failure `json:"error"`

	err   error // of Error
	again bool  // the same message may be published later
}

// failure is the daemon's {"code","message"}.
type failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// answer is what became of a request; with results, err and again follow from these.
type answer struct {
	err   error
	again bool          // another attempt may succeed, and is safe
	after time.Duration // when the server wants it
}

// post sends one request.
func (w *web) post(ctx context.Context, list []api.SendParams) ([]result, answer) {
	req, err := w.request(ctx, list)
	if err != nil {
		return nil, answer{err: err}
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return nil, w.lost(ctx, err)
	}
	defer resp.Body.Close()
	w.reached = true
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, w.lost(ctx, err)
	}
	var read struct {
		result
		Results []result `json:"results"`
	}
	isJSON := json.Unmarshal(body, &read) == nil
	if isJSON && len(list) == 1 && read.Error == nil {
		read.Results = []result{read.result}
	}
	if resp.StatusCode == http.StatusOK && (!isJSON || len(read.Results) != len(list)) {
		return nil, answer{err: &exit.Error{Code: exit.Failed, Err: errors.New("the answer is not hassesd's"), Hint: "is the URL right? It is that of the streams, such as https://HOST/sse"}}
	}
	if isJSON && len(read.Results) == len(list) && (resp.StatusCode == http.StatusOK || len(list) > 1) {
		for i := range read.Results {
			if f := read.Results[i].Error; f != nil {
				read.Results[i].err = errors.New(f.Message)
				read.Results[i].again = f.Code == "overloaded" || f.Code == "draining" || f.Code == "too_many_requests"
			}
		}
		return read.Results, answer{after: retryAfter(resp)}
	}
	reason := ""
	if isJSON && read.Error != nil {
		reason = read.Error.Message
	}
	return nil, refusal(resp, reason)
}

func (w *web) request(ctx context.Context, list []api.SendParams) (*http.Request, error) {
	var doc any = list
	key := ""
	if len(list) == 1 {
		one := list[0]
		key, one.Key = one.Key, ""
		doc = one
	}
	body, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("encode the message: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "hassesctl/"+w.session.Version)
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	if w.token != "" {
		token, err := session.ReadToken(w.token)
		if err != nil {
			return nil, err
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return req, nil
}

// lost returns what to do when there is no answer. The keys make another attempt safe; a server that
// has never answered is not waited for.
func (w *web) lost(ctx context.Context, err error) answer {
	var op *net.OpError
	var untrusted *tls.CertificateVerificationError
	var notTLS tls.RecordHeaderError
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return answer{err: fmt.Errorf("%w: %w", api.ErrTimeout, err)}
	case errors.As(err, &untrusted), errors.As(err, &notTLS):
		return answer{err: err}
	case errors.As(err, &op) && op.Op == "dial":
		return answer{err: err, again: w.reached}
	}
	return answer{err: fmt.Errorf("%w: the connection ended before the answer: %w", api.ErrUnreachable, err), again: true}
}

// refusal returns what to do about a status.
func refusal(resp *http.Response, reason string) answer {
	text := fmt.Sprintf("the message was refused: %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	if reason != "" {
		text += ": " + reason
	}
	e := &exit.Error{Code: exit.Failed, Err: errors.New(text)}
	a := answer{err: e, after: retryAfter(resp)}
	switch resp.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		e.Code = exit.NotAllowed
		if resp.Request.Header.Get("Authorization") == "" {
			e.Hint = "give a token with the claim hassesd.publish, or a key with the role publish, with --token-file"
		}
	case http.StatusNotFound:
		e.Code, e.Hint = exit.NotFound, "the path must be that of the streams, such as https://HOST/sse"
	case http.StatusMethodNotAllowed:
		e.Hint = "the daemon takes messages there with publish.http = true only"
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		e.Hint = "redirects are not followed, since they could give the token away; it leads to " + resp.Header.Get("Location")
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		a.again, e.Hint = true, "try again in a moment; --timeout 30s goes on trying for longer"
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout:
		a.again = true // a proxy's; what became of the message nobody knows, and the key makes it safe
	}
	return a
}

// retryAfter returns how long the server wants its client to wait, in whole seconds.
func retryAfter(resp *http.Response) time.Duration {
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(min(seconds, 3600)) * time.Second
}
