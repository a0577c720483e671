package httppublish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/publish"
)

const (
	form        = "application/x-www-form-urlencoded"
	jsonType    = "application/json"
	eventStream = "text/event-stream"
)

func TestEachKindOfBodyIsPublished(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, contentType, query, body string
		want                           []sent
	}{
		{"a form", form, "", "to=room624&data=hello", []sent{{to: "room624", data: "hello"}}},
		{"a form with everything", form + "; charset=UTF-8", "", "event=x&except=me&retry=3000&data=a%0Ab+c&to=a&to=b*", []sent{{"a,b*", "me", "x", "a\nb c", "3000"}}},
		{"an empty message", form, "", "to=a&data=", []sent{{to: "a"}}},
		{"JSON", jsonType, "", `{"to":"a","data":"x"}`, []sent{{to: "a", data: "x"}}},
		{"JSON with everything", jsonType, "", ` {"to":["a","b*"],"data":"x","event":"y","except":"me","retry":3000} `, []sent{{"a,b*", "me", "y", "x", "3000"}}},
		{"JSON with an empty message", jsonType, "", `{"to":"*","data":""}`, []sent{{to: "*"}}},
		{"an array", jsonType, "", `[{"to":"a","data":"1"},{"to":"b","data":"2"}]`, []sent{{to: "a", data: "1"}, {to: "b", data: "2"}}},
		{"plain text", "text/plain", "to=a&event=x&except=me&retry=5", "to=b&data=c\n", []sent{{"a", "me", "x", "to=b&data=c\n", "5"}}},
		{"no type", "", "to=a&to=b*", "x", []sent{{to: "a,b*", data: "x"}}},
		{"an empty body", "", "to=a", "", []sent{{to: "a"}}},
		{"a webhook", "application/cloudevents+json", "to=a&token=ignored", `{"x":1}`, []sent{{to: "a", data: `{"x":1}`}}},
		{"an event stream", eventStream, "to=a&except=me", "data: 1\n\nevent: e\nid: 7\nretry: 9\ndata: 2\n\n", []sent{{to: "a", except: "me", data: "1"}, {to: "a", except: "me", event: "e", data: "2"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newTestService(t)
			a := w.post(t, head(tt.contentType, tt.query), tt.body)
			if a.Status != 200 {
				t.Fatalf("got %d %s", a.Status, a.Body)
			}
			wantSent(t, w, tt.want...)
			if held := w.o.Budget.Held(); held != 0 {
				t.Errorf("%d bytes are still reserved", held)
			}
		})
	}
}

func TestTheAnswerNamesTheEvent(t *testing.T) {
	t.Parallel()
	w := newTestService(t)
	for i, tt := range []struct{ contentType, query, body, want string }{
		{form, "", "to=a&data=x", `{"id":"e-1","matched":0}`},
		{jsonType, "", `[{"to":"a","data":"x"}]`, `{"results":[{"id":"e-2","matched":0}]}`},
		{eventStream, "to=a", "data: x\n\ndata: y\n\n", `{"published":2,"first_id":"e-3","last_id":"e-4"}`},
		{eventStream, "to=a", "", `{"published":0}`},
		{eventStream, "to=a", "data: x\n\ndata: y\n", `{"published":1,"first_id":"e-5","last_id":"e-5","incomplete":true}`},
	} {
		if a := w.post(t, head(tt.contentType, tt.query), tt.body); string(a.Body) != tt.want+"\n" || a.Status != 200 || a.Code != "" {
			t.Errorf("%d: got %d %s, want %s", i, a.Status, a.Body, tt.want)
		}
	}
}

func TestWhatIsNoMessageIsRefused(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1001)
	for _, tt := range []struct {
		name, contentType, query, body string
		status                         int
		code                           Code
		field                          string
	}{
		{"a form without to", form, "", "data=x", 422, CodeInvalidMessage, "to"},
		{"a form with its target in the URL", form, "to=a", "data=x", 422, CodeInvalidMessage, "to"},
		{"a form without data", form, "", "to=a", 422, CodeInvalidMessage, "data"},
		{"a form with an unknown field", form, "", "to=a&data=x&evnt=y", 422, CodeInvalidMessage, "evnt"},
		{"a form with data twice", form, "", "to=a&data=x&data=y", 422, CodeInvalidMessage, "data"},
		{"a form with a bad room", form, "", "to=a;b&data=x", 422, CodeInvalidMessage, "to"},
		{"a form with a bad retry", form, "", "to=a&data=x&retry=1s", 422, CodeInvalidMessage, "retry"},
		{"a form with a bad escape", form, "", "to=a&data=%zz", 400, CodeBadRequest, ""},
		{"a form with too much data", form, "", "to=a&data=" + long, 413, CodeTooLarge, ""},
		{"a bad client id", form, "", "to=a&data=x&except=%0A", 422, CodeInvalidMessage, "except"},
		{"an event of our own", form, "", "to=a&data=x&event=hasses.gap", 422, CodeInvalidMessage, "event"},
		{"an event with a line break", jsonType, "", `{"to":"a","data":"x","event":"a\nb"}`, 422, CodeInvalidMessage, "event"},
		{"no JSON", jsonType, "", "to=a&data=x", 400, CodeBadRequest, ""},
		{"an empty body", jsonType, "", "", 400, CodeBadRequest, ""},
		{"half an object", jsonType, "", `{"to":"a"`, 400, CodeBadRequest, ""},
		{"two objects", jsonType, "", `{"to":"a","data":"x"}{}`, 400, CodeBadRequest, ""},
		{"a number", jsonType, "", "7", 400, CodeBadRequest, ""},
		{"bytes that are not UTF-8", jsonType, "", "{\"to\":\"a\",\"data\":\"\xff\"}", 400, CodeBadRequest, ""},
		{"an empty array", jsonType, "", "[]", 400, CodeBadRequest, ""},
		{"half an array", jsonType, "", `[{"to":"a","data":"x"},`, 400, CodeBadRequest, ""},
		{"101 messages", jsonType, "", "[" + strings.Repeat(`{"to":"a","data":"x"},`, 100) + `{"to":"a","data":"x"}]`, 413, CodeTooManyMessages, ""},
		{"JSON without to", jsonType, "", `{"data":"x"}`, 422, CodeInvalidMessage, "to"},
		{"JSON with to null", jsonType, "", `{"to":null,"data":"x"}`, 422, CodeInvalidMessage, "to"},
		{"JSON with to empty", jsonType, "", `{"to":[],"data":"x"}`, 422, CodeInvalidMessage, "to"},
		{"JSON with to a number", jsonType, "", `{"to":5,"data":"x"}`, 422, CodeInvalidMessage, "to"},
		{"JSON with data a number", jsonType, "", `{"to":"a","data":5}`, 422, CodeInvalidMessage, "data"},
		{"JSON without data", jsonType, "", `{"to":"a"}`, 422, CodeInvalidMessage, "data"},
		{"JSON with retry a text", jsonType, "", `{"to":"a","data":"x","retry":"1"}`, 422, CodeInvalidMessage, "retry"},
		{"JSON with retry negative", jsonType, "", `{"to":"a","data":"x","retry":-1}`, 422, CodeInvalidMessage, "retry"},
		{"JSON with an unknown field", jsonType, "", `{"to":"a","data":"x","evnt":"y"}`, 422, CodeInvalidMessage, "evnt"},
		{"JSON with too much data", jsonType, "", `{"to":"a","data":"` + long + `"}`, 413, CodeTooLarge, ""},
		{"text without to", "text/plain", "", "x", 422, CodeInvalidMessage, "to"},
		{"text with a bad target", "text/plain", "to=a*b", "x", 422, CodeInvalidMessage, "to"},
		{"text that is too long", "text/plain", "to=a", long, 413, CodeTooLarge, ""},
		{"a query that is malformed", "text/plain", "to=%zz", "x", 400, CodeBadRequest, ""},
		{"a stream without to", eventStream, "", "data: x\n\n", 422, CodeInvalidMessage, "to"},
		{"a stream with an event in the URL", eventStream, "to=a&event=x", "data: x\n\n", 422, CodeInvalidMessage, "event"},
		{"a form in parts", "multipart/form-data; boundary=x", "to=a", "x", 415, CodeUnsupportedMediaType, ""},
		{"another charset", jsonType + "; charset=latin1", "", "{}", 415, CodeUnsupportedMediaType, ""},
		{"no media type", "json", "to=a", "x", 200, "", ""},
		{"no media type at all", ";;", "to=a", "x", 415, CodeUnsupportedMediaType, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newTestService(t)
			a := w.post(t, head(tt.contentType, tt.query), tt.body)
			if tt.status == 200 {
				if a.Status != 200 {
					t.Errorf("got %d %s", a.Status, a.Body)
				}
				return
			}
			wantRefused(t, a, tt.status, tt.code, tt.field)
			wantSent(t, w)
			if n := w.Refused()[tt.code]; n != 1 {
				t.Errorf("counted %d", n)
			}
		})
	}
}

func TestABodyThatIsCompressedIsRefused(t *testing.T) {
	t.Parallel()
	w := newTestService(t)
	h := head("text/plain", "to=a")
	h.ContentEncoding = []string{"gzip"}
	a := w.post(t, h, "x")
	wantRefused(t, a, 415, CodeUnsupportedMediaType, "")
	h.ContentEncoding = []string{"Identity"}
	if a := w.post(t, h, "x"); a.Status != 200 {
		t.Errorf("identity: %d %s", a.Status, a.Body)
	}
}

func TestWhoMayPublish(t *testing.T) {
	t.Parallel()
	local := netip.MustParseAddr("127.0.0.1")
	for _, tt := range []struct {
		name   string
		change func(*Head, *Config)
		status int
		code   Code
	}{
		{"a key", func(*Head, *Config) {}, 200, ""},
		{"a key, in other letters", func(h *Head, _ *Config) { h.Authorization = "bearer  " + shopKey }, 200, ""},
		{"a key that may only read", func(h *Head, _ *Config) { h.Authorization = "Bearer " + readerKey }, 403, CodePublishNotAllowed},
		{"an unknown key", func(h *Head, _ *Config) { h.Authorization = "Bearer x" + shopKey }, 401, CodeInvalidToken},
		{"a token where there are none", func(h *Head, _ *Config) { h.Authorization = "Bearer a.b.c" }, 401, CodeInvalidToken},
		{"nothing", func(h *Head, _ *Config) { h.Authorization = "" }, 401, CodeMissingToken},
		{"another scheme", func(h *Head, _ *Config) { h.Authorization = "Basic " + shopKey }, 401, CodeMissingToken},
		{"a scheme alone", func(h *Head, _ *Config) { h.Authorization = "Bearer" }, 401, CodeMissingToken},
		{"this machine", func(h *Head, _ *Config) { h.Authorization, h.Peer, h.Host = "", local, "localhost:8443" }, 401, CodeMissingToken},
		{"this machine in development", func(h *Head, c *Config) {
			c.Access.Local, h.Authorization, h.Peer, h.Host = true, "", local, "localhost:8443"
		}, 200, ""},
		{"this machine by IPv6", func(h *Head, c *Config) {
			c.Access.Local, h.Authorization, h.Peer, h.Host = true, "", netip.IPv6Loopback(), "[::1]:8443"
		}, 200, ""},
		{"this machine by another name (DNS rebinding)", func(h *Head, c *Config) {
			c.Access.Local, h.Authorization, h.Peer, h.Host = true, "", local, "evil.example:8443"
		}, 401, CodeMissingToken},
		{"another machine in development", func(h *Head, c *Config) { c.Access.Local, h.Authorization, h.Host = true, "", "localhost" }, 401, CodeMissingToken},
		{"a wrong key in development", func(h *Head, c *Config) {
			c.Access.Local, h.Authorization, h.Peer, h.Host = true, "Bearer wrong", local, "localhost"
		}, 401, CodeInvalidToken},

		{"our own page", func(h *Head, _ *Config) { h.Origin = "https://PUSH.example.org" }, 200, ""},
		{"our own page without TLS", func(h *Head, _ *Config) { h.Origin = "http://push.example.org" }, 403, CodeOriginNotAllowed},
		{"a listed page", func(h *Head, c *Config) {
			c.Origins, h.Origin = []string{"https://www.example.org"}, "https://www.example.org"
		}, 200, ""},
		{"a foreign page", func(h *Head, c *Config) {
			c.Origins, h.Origin = []string{"https://www.example.org"}, "https://evil.example"
		}, 403, CodeOriginNotAllowed},
		{"a sandboxed page", func(h *Head, _ *Config) { h.Origin = "null" }, 403, CodeOriginNotAllowed},
		{"any page, with a key", func(h *Head, c *Config) { c.Origins, h.Origin = []string{"*"}, "https://evil.example" }, 200, ""},
		{"any page, in development", func(h *Head, c *Config) {
			c.Access.Local, h.Authorization, h.Peer, h.Host = true, "", local, "localhost"
			c.Origins, h.Origin = []string{"*"}, "https://evil.example"
		}, 403, CodeOriginNotAllowed},
		{"a foreign page, in development", func(h *Head, c *Config) {
			c.Access.Local, c.Loopback, h.Authorization, h.Peer, h.Host = true, true, "", local, "localhost"
			h.Origin = "https://localhost.evil.example"
		}, 403, CodeOriginNotAllowed},
		{"a page of this machine, in development", func(h *Head, c *Config) {
			c.Access.Local, c.Loopback, h.Authorization, h.Peer, h.Host = true, true, "", local, "localhost:8443"
			h.Origin = "http://localhost:3000"
		}, 200, ""},
		{"a foreign page whose browser hides its origin, in development", func(h *Head, c *Config) {
			c.Access.Local, h.Authorization, h.Peer, h.Host = true, "", local, "localhost"
			h.FetchSite = "cross-site"
		}, 403, CodeOriginNotAllowed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newTestService(t)
			h := head("", "to=a")
			tt.change(&h, w.config)
			a := w.post(t, h, "x")
			if tt.status == 200 {
				if a.Status != 200 {
					t.Errorf("got %d %s", a.Status, a.Body)
				}
				return
			}
			wantRefused(t, a, tt.status, tt.code, "")
			wantSent(t, w)
			challenged := false
			for _, f := range a.Fields {
				challenged = challenged || f.Name == "WWW-Authenticate" && strings.HasPrefix(f.Value, "Bearer")
			}
			if tt.status == 401 && !challenged {
				t.Error("401 without WWW-Authenticate: Bearer")
			}
		})
	}
}

func TestAnArrayIsAnsweredInItsOrder(t *testing.T) {
	t.Parallel()
	w := newTestService(t)
	a := w.post(t, head(jsonType, ""), `[{"to":"a","data":"1"},{"to":"a"},7,{"to":"a","data":"2"}]`)
	got := a.decode(t)
	if a.Status != 200 || len(got.Results) != 4 || got.Results[0].ID != "e-1" || got.Results[1].Error.Field != "data" ||
		got.Results[2].Error.Code != CodeInvalidMessage || got.Results[3].ID != "e-2" {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
	a = w.post(t, head(jsonType, ""), `[{"to":"a"},{"to":"a;b","data":"`+strings.Repeat("x", 1001)+`"}]`)
	if got := a.decode(t); a.Status != 422 || a.Code != CodeInvalidMessage || len(got.Results) != 2 || got.Results[1].Error == nil {
		t.Errorf("nothing published: got %d %s", a.Status, a.Body)
	}
}

func TestAStreamEndsWithItsFirstRefusedEvent(t *testing.T) {
	t.Parallel()
	w := newTestService(t)
	a := w.post(t, head(eventStream, "to=a"), "data: 1\n\ndata: 2\n\nevent: error\ndata: 3\n\ndata: 4\n\n")
	if got := a.decode(t); a.Status != 422 || got.Error.Field != "event" || got.Published != 2 || got.FirstID != "e-1" || got.LastID != "e-2" {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
	wantSent(t, w, sent{to: "a", data: "1"}, sent{to: "a", data: "2"})
}

func TestKeys(t *testing.T) {
	t.Parallel()
	w := newTestService(t)
	h := head(form, "")
	h.IdempotencyKey = []string{"k-1"}
	first := w.post(t, h, "to=a&data=x").decode(t)
	again := w.post(t, h, "to=a&data=x").decode(t)
	if first.ID != "e-1" || first.Duplicate || again.ID != "e-1" || !again.Duplicate || again.Matched == nil {
		t.Errorf("got %+v, and again %+v", first, again)
	}
	wantRefused(t, w.post(t, h, "to=a&data=y"), 422, CodeKeyReused, "key")
	h.ContentType = []string{jsonType}
	if got := w.post(t, h, `{"to":"a","data":"x"}`).decode(t); !got.Duplicate {
		t.Errorf("the same message as JSON: %+v", got)
	}
	if got := w.post(t, head(jsonType, ""), `{"to":"a","data":"x","key":"k-1"}`).decode(t); !got.Duplicate {
		t.Errorf("the key in the message: %+v", got)
	}
	wantRefused(t, w.post(t, h, `{"to":"a","data":"x","key":"k-2"}`), 422, CodeInvalidMessage, "key")
	wantSent(t, w, sent{to: "a", data: "x"})
	for _, bad := range [][]string{{""}, {strings.Repeat("k", 129)}, {"a b"}, {"ä"}, {"a", "b"}} {
		h.IdempotencyKey = bad
		wantRefused(t, w.post(t, h, `{"to":"a","data":"x"}`), 422, CodeInvalidMessage, "key")
	}
}

func TestAKeyHoldsForEachMessageOfARequest(t *testing.T) {
	t.Parallel()
	w := newTestService(t)
	h := head(jsonType, "")
	h.IdempotencyKey = []string{"batch"}
	body := `[{"to":"a","data":"1"},{"to":"a","data":"1"}]`
	first, again := w.post(t, h, body), w.post(t, h, body)
	if got := again.decode(t); !got.Duplicate || got.Results[0].ID != "e-1" || got.Results[1].ID != "e-2" || first.decode(t).Duplicate {
		t.Errorf("got %s, and again %s", first.Body, again.Body)
	}
	h = head(eventStream, "to=b")
	h.IdempotencyKey = []string{"stream"}
	// The connection breaks after two events; the publisher sends the whole stream again.
	p, _ := w.Begin(h)
	if a := p.Run(t.Context(), &pieces{[]string{"data: 1\n\ndata: 2\n\ndata: 3\n"}, io.ErrUnexpectedEOF}); a != nil {
		t.Errorf("an answer to nobody: %s", a.Body)
	}
	got := w.post(t, h, "data: 1\n\ndata: 2\n\ndata: 3\n\n").decode(t)
	if got.Published != 3 || got.FirstID != "e-3" || got.LastID != "e-5" || got.Duplicate {
		t.Errorf("got %+v", got)
	}
	if got = w.post(t, h, "data: 1\n\ndata: 2\n\ndata: 3\n\n").decode(t); got.Published != 3 || got.FirstID != "e-3" || !got.Duplicate {
		t.Errorf("a third time: %+v", got)
	}
}

func TestKeysBelongToTheirPublisher(t *testing.T) {
	t.Parallel()
	w := newTestService(t)
	w.config.Access.Local = true
	h := head("", "to=a")
	h.IdempotencyKey = []string{"k"}
	if got := w.post(t, h, "x").decode(t); got.Duplicate {
		t.Errorf("the shop: %+v", got)
	}
	h.Authorization, h.Peer, h.Host = "", netip.IPv6Loopback(), "localhost"
	if got := w.post(t, h, "y").decode(t); got.Duplicate || got.ID != "e-2" {
		t.Errorf("another publisher with the same key: %+v", got)
	}
}

func TestARightThatIsTakenAwayEndsAStream(t *testing.T) {
	t.Parallel()
	w := newTestService(t)
	p, a := w.Begin(head(eventStream, "to=a"))
	if a != nil {
		t.Fatalf("refused: %s", a.Body)
	}
	body := &hooked{pieces: pieces{list: []string{"data: 1\n\n", "data: 2\n\n"}}, before: func(n int) {
		if n == 1 {
			next := *w.config
			next.Access = Access{}
			w.config = &next
		}
	}}
	a = p.Run(t.Context(), body)
	if got := a.decode(t); a.Status != 401 || got.Published != 1 {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
	wantSent(t, w, sent{to: "a", data: "1"})
}

// hooked calls before with the number of each Read.
type hooked struct {
	pieces
	n      int
	before func(n int)
}

func (h *hooked) Read(p []byte) (int, error) {
	h.before(h.n)
	h.n++
	return h.pieces.Read(p)
}

func TestABodyThatDoesNotEnd(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err    error
		status int
		code   Code
	}{
		{os.ErrDeadlineExceeded, 408, CodeRequestTimeout},
		{fmt.Errorf("%w: a chunk", ErrMalformed), 400, CodeBadRequest},
		{ErrStopping, 503, CodeDraining},
		{io.ErrUnexpectedEOF, 0, ""},
		{errors.New("connection reset"), 0, ""},
	} {
		for _, contentType := range []string{"text/plain", eventStream} {
			w := newTestService(t)
			p, _ := w.Begin(head(contentType, "to=a"))
			a := p.Run(t.Context(), &pieces{[]string{"data: 1\n\n"}, tt.err})
			switch {
			case tt.status == 0:
				if a != nil {
					t.Errorf("%v: an answer to nobody: %s", tt.err, a.Body)
				}
			case contentType == eventStream:
				if got := a.decode(t); a.Status != tt.status || got.Error.Code != tt.code || got.Published != 1 {
					t.Errorf("%v: got %d %s", tt.err, a.Status, a.Body)
				}
			default:
				wantRefused(t, a, tt.status, tt.code, "")
				wantSent(t, w)
			}
			if held := w.o.Budget.Held(); held != 0 {
				t.Errorf("%v: %d bytes are still reserved", tt.err, held)
			}
		}
	}
}

func TestWithoutMemoryNothingIsRead(t *testing.T) {
	t.Parallel()
	w := newTestService(t)
	w.config.MessageBytes = 1 << 20
	w.memory = workBytes + 100<<10
	h := head("text/plain", "to=a")
	wantRefused(t, w.post(t, h, strings.Repeat("x", 200<<10)), 503, CodeOverloaded, "")
	h.ContentLength = 200 << 10
	a := w.post(t, h, strings.Repeat("x", 200<<10))
	wantRefused(t, a, 503, CodeOverloaded, "")
	if len(a.Fields) != 1 || a.Fields[0].Name != "Retry-After" {
		t.Errorf("fields %v, want Retry-After", a.Fields)
	}
	h.ContentLength = 1<<20 + 1
	if _, a := w.Begin(h); a == nil || a.Status != 413 {
		t.Errorf("a body that is too long by its head: %v", a)
	}
	w.memory = 0
	wantRefused(t, w.post(t, head("", "to=a"), "x"), 503, CodeOverloaded, "")
	wantSent(t, w)
}

func TestADaemonThatEndsPublishesNothing(t *testing.T) {
	t.Parallel()
	w := newTestService(t)
	w.log.Close()
	a := w.post(t, head(jsonType, ""), `[{"to":"a","data":"1"},{"to":"a","data":"2"}]`)
	if got := a.decode(t); a.Status != 503 || a.Code != CodeDraining || got.Results[1].Error.Code != CodeDraining {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
}

func TestThePaceHoldsAPublisherBack(t *testing.T) {
	t.Parallel()
	w := newTestService(t)
	w.pace = publish.Pace{Messages: 1}
	for range 2 { // a second's worth, and the next
		w.post(t, head("", "to=a"), "x")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p, _ := w.Begin(head("", "to=a")) // another request of the same publisher
	if a := p.Run(ctx, textBody("x")); a != nil {
		t.Errorf("published at once: %s", a.Body)
	}
	w.config.Access.Local = true
	h := head("", "to=a")
	h.Authorization, h.Peer = "", netip.Addr{}
	if a := w.post(t, h, "y"); a.Status != 200 {
		t.Errorf("another publisher: %d %s", a.Status, a.Body)
	}
	if n := len(w.sent()); n != 3 {
		t.Errorf("%d messages were published, want 3", n)
	}
}
