package eventsource

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"go.uber.org/goleak"
)

// reply is one answer of a [server].
type reply struct {
	code int
	kind string
	body io.Reader
	err  error // instead
}

// server plays the answers to a follower's requests, one after the other, and remembers what it
// resumed after. When it has none left it is gone.
type server struct {
	replies []reply
	resumed []string
	asked   http.Header // with the last request
}

func (s *server) RoundTrip(req *http.Request) (*http.Response, error) {
	s.resumed = append(s.resumed, req.Header.Get("Last-Event-ID"))
	s.asked = req.Header
	next := refusal(http.StatusGone, "")
	if len(s.replies) > 0 {
		next, s.replies = s.replies[0], s.replies[1:]
	}
	if next.err != nil {
		return nil, next.err
	}
	return &http.Response{StatusCode: next.code, Header: http.Header{"Content-Type": {next.kind}}, Body: io.NopCloser(next.body)}, nil
}

func stream(text string) reply {
	return reply{code: http.StatusOK, kind: "text/event-stream; charset=utf-8", body: strings.NewReader(text)}
}

func refusal(code int, body string) reply {
	return reply{code: code, kind: "application/json", body: strings.NewReader(body)}
}

var errBroken = errors.New("broken pipe")

var unreachable = reply{err: errors.New("no route")}

// log is what a follower did, in order.
type log struct {
	lines []string
	notes string
}

func (l *log) follower(s *server) *Follower {
	return &Follower{
		Client: &http.Client{Transport: s},
		URL:    "http://daemon.example/sse?subscribe=r",
		Handle: func(_ context.Context, ev Event) error {
			l.lines = append(l.lines, ev.ID+" "+ev.Data)
			return nil
		},
		Note: func(format string, args ...any) { l.notes += fmt.Sprintf(format, args...) + "\n" },
		wait: func(_ context.Context, d time.Duration) error {
			l.lines = append(l.lines, "wait "+d.String())
			return nil
		},
	}
}

func (l *log) want(t *testing.T, lines ...string) {
	t.Helper()
	if !slices.Equal(l.lines, lines) {
		t.Errorf("got  %q\nwant %q", l.lines, lines)
	}
}

func (s *server) wantResumed(t *testing.T, ids ...string) {
	t.Helper()
	if !slices.Equal(s.resumed, ids) {
		t.Errorf("resumed after %q, want %q", s.resumed, ids)
	}
}

func wantStatus(t *testing.T, err error, code int) {
	t.Helper()
	var refused *RefusedError
	if !errors.As(err, &refused) || refused.Status != code {
		t.Errorf("it ended with %v, want the answer %d", err, code)
	}
}

func TestFollowResumesAfterTheLastEvent(t *testing.T) {
	s := &server{replies: []reply{
		stream("retry: 2500\nid: e-5\n\n"),
		stream("id: e-6\ndata: a\n\nid: e-7\ndata: cut o"),
		stream("retry: 300\n\nid: e-7\ndata: b\n\n"),
	}}
	var l log
	f := l.follower(s)
	f.LastID = "e-4"
	err := f.Follow(t.Context())
	wantStatus(t, err, http.StatusGone)
	l.want(t, "wait 2.5s", "e-6 a", "wait 2.5s", "e-7 b", "wait 300ms")
	s.wantResumed(t, "e-4", "e-5", "e-6", "e-7")
}

func TestFollowWaitsLongerWhileTheServerIsAway(t *testing.T) {
	s := &server{replies: []reply{
		stream(""), unreachable, unreachable, unreachable, unreachable, unreachable, unreachable, stream("retry: 1\n\n"), unreachable,
	}}
	var l log
	err := l.follower(s).Follow(t.Context())
	wantStatus(t, err, http.StatusGone)
	l.want(t, "wait 2s", "wait 2s", "wait 4s", "wait 8s", "wait 16s", "wait 30s", "wait 30s", "wait 100ms", "wait 100ms")
	if want := "the stream ended; reconnecting in 2s\nno route; reconnecting in 2s\n"; !strings.HasPrefix(l.notes, want) {
		t.Errorf("it noted %q, want at first %q", l.notes, want)
	}
}

func TestFollowReconnectsAfterABrokenStream(t *testing.T) {
	broken := io.MultiReader(strings.NewReader("id: 1\ndata: a\n\n"), iotest.ErrReader(errBroken))
	s := &server{replies: []reply{
		{code: http.StatusOK, kind: "text/event-stream", body: broken},
	}}
	var l log
	wantStatus(t, l.follower(s).Follow(t.Context()), http.StatusGone)
	l.want(t, "1 a", "wait 2s")
}

func TestFollowDoesNotSendAnIDThatNoHeaderCanCarry(t *testing.T) {
	s := &server{replies: []reply{stream("id: a\x01b\ndata: x\n\n"), stream("id: ü\n\n")}}
	var l log
	wantStatus(t, l.follower(s).Follow(t.Context()), http.StatusGone)
	s.wantResumed(t, "", "", "ü")
}

func TestFollowEnds(t *testing.T) {
	tooLarge := reply{code: http.StatusOK, kind: "text/event-stream", body: io.LimitReader(zeros{}, maxEvent+1)}
	for _, test := range []struct {
		name  string
		reply reply
		want  string
	}{
		{"not allowed", refusal(403, `{"error":{"code":"forbidden","message":"not for you"}}`), "the stream was refused: 403 Forbidden: not for you"},
		{"a proxy's refusal", refusal(502, "<html>"), "the stream was refused: 502 Bad Gateway"},
		{"no content", refusal(204, ""), "the stream was refused: 204 No Content"},
		{"another type", reply{code: 200, kind: "text/html", body: strings.NewReader("")}, `the answer is not an event stream but "text/html": is the URL right?`},
		{"no type", reply{code: 200, body: strings.NewReader("")}, `the answer is not an event stream but "": is the URL right?`},
		{"never reached", unreachable, `Get "http://daemon.example/sse": no route`},
		{"too large", tooLarge, ErrEventTooLarge.Error()},
	} {
		t.Run(test.name, func(t *testing.T) {
			var l log
			err := l.follower(&server{replies: []reply{test.reply}}).Follow(t.Context())
			if err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
			l.want(t)
		})
	}
}

// TestFollowTellsNoSignature looks at what people and logs are told of a signed URL that leads
// nowhere, at first and later.
func TestFollowTellsNoSignature(t *testing.T) {
	for _, failure := range []error{errBroken, &tls.CertificateVerificationError{Err: errBroken}} {
		for _, replies := range [][]reply{{{err: failure}}, {stream(""), {err: failure}}} {
			var l log
			f := l.follower(&server{replies: replies})
			f.Authorize = func(req *http.Request) error {
				req.URL.RawQuery += "&sig=secret"
				return nil
			}
			err := f.Follow(t.Context())
			if err == nil || strings.Contains(err.Error()+l.notes, "secret") {
				t.Errorf("%v tells it, or the notes do: %s", err, l.notes)
			}
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

func TestFollowEndsWhenNobodyTakesTheEvents(t *testing.T) {
	var l log
	f := l.follower(&server{replies: []reply{stream("data: a\n\ndata: b\n\n")}})
	f.Handle = func(context.Context, Event) error { return errBroken }
	if err := f.Follow(t.Context()); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
	l.want(t)
}

func TestFollowEndsWithItsContext(t *testing.T) {
	defer goleak.VerifyNone(t)
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "data: now\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	defer ts.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var l log
	f := l.follower(nil)
	f.Client, f.URL = NewClient(nil, 10*time.Second), ts.URL
	f.Handle = func(context.Context, Event) error {
		cancel()
		return nil
	}
	if err := f.Follow(ctx); err != nil {
		t.Errorf("in a stream: %v", err)
	}

	// And so it does while it waits to reconnect.
	ctx, cancel = context.WithCancel(t.Context())
	f = l.follower(&server{replies: []reply{stream("retry: 86400000\n\n")}})
	f.wait = func(ctx context.Context, d time.Duration) error {
		cancel()
		return pauseFor(ctx, d)
	}
	if err := f.Follow(ctx); err != nil {
		t.Errorf("in a pause: %v", err)
	}
	if err := pauseFor(t.Context(), time.Nanosecond); err != nil {
		t.Errorf("a pause that is over: %v", err)
	}
}

func TestHopelessFailuresAreNotRepeated(t *testing.T) {
	for _, hopeless := range []error{&tls.CertificateVerificationError{}, tls.RecordHeaderError{}, errDowngrade} {
		s := &server{replies: []reply{
			stream(""), {err: hopeless},
		}}
		var l log
		if err := l.follower(s).Follow(t.Context()); !errors.Is(err, hopeless) {
			t.Errorf("got %v, want %v", err, hopeless)
		}
		l.want(t, "wait 2s")
	}
}

// A server that minds these headers treats tail as it treats browsers (the Fetch standard, cache
// mode "no-store").
func TestFollowAsksAsBrowsersDo(t *testing.T) {
	s := &server{}
	var l log
	wantStatus(t, l.follower(s).Follow(t.Context()), http.StatusGone)
	if accept, cache := s.asked.Get("Accept"), s.asked.Get("Cache-Control"); accept != "text/event-stream" || cache != "no-cache" {
		t.Errorf("Accept %q, Cache-Control %q", accept, cache)
	}
}
