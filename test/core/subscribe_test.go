package core

import (
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/harness"
	"github.com/hassesd/hassesd/test/subscriber"
)

func TestStreamHead(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--cors-origin", "https://www.example.org", "--cors-credentials")
	for _, secure := range []bool{true, false} {
		r := d.Plain("subscribe=room624&id=ann")
		if secure {
			r = d.Request("subscribe=room624&id=ann")
		}
		r.Header = []string{"oRIGIN: https://www.example.org", "accept: text/event-stream"}
		s := d.Open(r)
		want := map[string]string{
			"Content-Type":                     "text/event-stream",
			"Cache-Control":                    "no-cache, no-transform",
			"X-Accel-Buffering":                "no",
			"Server":                           "hassesd",
			"Transfer-Encoding":                "chunked",
			"Access-Control-Allow-Origin":      "https://www.example.org",
			"Access-Control-Allow-Credentials": "true",
		}
		for name, value := range want {
			if got := s.Header.Get(name); got != value {
				t.Errorf("TLS %t: %s: %q, want %q", secure, name, got, value)
			}
		}
		if _, err := time.Parse(time.RFC1123, s.Header.Get("Date")); err != nil {
			t.Errorf("TLS %t: Date: %v", secure, err)
		}
		if got := strings.Join(s.Header.Values("Vary"), ","); !strings.Contains(got, "Origin") {
			t.Errorf("TLS %t: Vary: %q, want Origin", secure, got)
		}
		if got := s.Header.Get("Strict-Transport-Security"); (got != "") != secure {
			t.Errorf("TLS %t: Strict-Transport-Security: %q", secure, got)
		}
		if got := s.Decoder.Retry(); got < 100*time.Millisecond || got > 400*time.Millisecond {
			t.Errorf("TLS %t: retry %s, want about 200ms", secure, got)
		}
		epoch, seq, ok := strings.Cut(s.Decoder.LastEventID(), "-")
		if !ok || epoch == "" || seq == "" {
			t.Errorf("TLS %t: first frame has id %q, want <epoch>-<seq>", secure, s.Decoder.LastEventID())
		}
	}
}

func TestStrangeOriginGetsNoCORS(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--cors-origin", "https://www.example.org")
	r := d.Request("subscribe=a")
	r.Header = []string{"Origin: https://evil.example"}
	s := d.Open(r)
	if got := s.Header.Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("Access-Control-Allow-Origin: %q for a stranger", got)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--limits-rooms-per-client", "3")
	long := strings.Repeat("x", 257)
	for _, tt := range []struct {
		name, method, target string
		header               []string
		status               int
	}{
		{name: "no rooms", target: "/sse", status: 400},
		{name: "empty rooms", target: "/sse?subscribe=--", status: 400},
		{name: "long room", target: "/sse?room=" + long, status: 400},
		{name: "control character", target: "/sse?room=a%0Ab", status: 400},
		{name: "semicolon", target: "/sse?room=a%3Bb", status: 400},
		{name: "equals", target: "/sse?room=a%3Db", status: 400},
		{name: "star inside", target: "/sse?room=a*", status: 400},
		{name: "not UTF-8", target: "/sse?room=%ff", status: 400},
		{name: "too many rooms", target: "/sse?subscribe=a-b-c-d", status: 400},
		{name: "long id", target: "/sse?subscribe=a&id=" + strings.Repeat("i", 65), status: 400},
		{name: "id with control characters", target: "/sse?subscribe=a&id=a%00", status: 400},
		{name: "body", target: "/sse?subscribe=a", header: []string{"Content-Length: 3"}, status: 400},
		{name: "chunked body", target: "/sse?subscribe=a", header: []string{"Transfer-Encoding: chunked"}, status: 400},
		{name: "other path", target: "/other?subscribe=a", status: 404},
		{name: "root without demo", target: "/", status: 404},
		{name: "POST", method: "POST", target: "/sse?subscribe=a", header: []string{"Content-Length: 0"}, status: 405},
		{name: "DELETE", method: "DELETE", target: "/sse?subscribe=a", status: 405},
		{name: "long URL", target: "/sse?subscribe=" + strings.Repeat("a-", 10000), status: 414},
		{name: "long head", target: "/sse?subscribe=a", header: []string{"X: " + strings.Repeat("y", 20000)}, status: 431},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := subscriber.Request{
				Addr: d.HTTPS, TLS: d.CA.ClientConfig(), Target: tt.target, Method: tt.method, Header: tt.header, Wait: harness.Patience,
			}
			s, err := subscriber.Open(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if s.Status != tt.status {
				t.Fatalf("status %d, want %d", s.Status, tt.status)
			}
			body, err := io.ReadAll(s.Body)
			if err != nil {
				t.Fatalf("body %q: %v", body, err)
			}
			var answer struct {
				Error struct{ Code, Message string }
			}
			if err := json.Unmarshal(body, &answer); err != nil || answer.Error.Code == "" || answer.Error.Message == "" {
				t.Errorf("body %q: want {\"error\":{\"code\",\"message\"}} (%v)", body, err)
			}
			if tt.status == 405 && !strings.Contains(s.Header.Get("Allow"), "GET") {
				t.Errorf("Allow: %q, want GET among others", s.Header.Get("Allow"))
			}
			if _, err := s.Rest(); err != nil {
				t.Errorf("the connection does not end after a refusal: %v", err)
			}
		})
	}
}

func TestEveryRoomNeedsPermission(t *testing.T) {
	t.Parallel()
	d := harness.Prepare(t)
	for i, a := range d.Args {
		if a == "--allow-all-rooms" {
			d.Args = append(d.Args[:i], d.Args[i+1:]...)
			break
		}
	}
	d.Run()
	s, err := subscriber.Open(t.Context(), d.Request("subscribe=*"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.Status != 403 {
		t.Errorf("subscribe=*: status %d, want 403", s.Status)
	}
}

func TestHeadAndOptions(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--cors-origin", "https://www.example.org")
	r := d.Request("subscribe=a")
	r.Method = "HEAD"
	s, err := subscriber.Open(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.Status != 200 || s.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("HEAD: %d, %s", s.Status, s.Header.Get("Content-Type"))
	}
	r.Method = "OPTIONS"
	r.Header = []string{
		"Origin: https://www.example.org", "Access-Control-Request-Method: GET", "Access-Control-Request-Headers: last-event-id",
	}
	s, err = subscriber.Open(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.Status != 204 || s.Header.Get("Access-Control-Allow-Origin") != "https://www.example.org" ||
		!strings.Contains(s.Header.Get("Access-Control-Allow-Methods"), "GET") ||
		!strings.Contains(strings.ToLower(s.Header.Get("Access-Control-Allow-Headers")), "last-event-id") {
		t.Errorf("OPTIONS: %d, %v", s.Status, s.Header)
	}
	if d.Streams("") != 0 {
		t.Error("HEAD or OPTIONS left a stream")
	}
}

func TestBothSubscribeGrammars(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	s := d.Subscribe("subscribe=a-b--a&room=c-d&room=%C3%BCber%20all&id=ann")
	for _, room := range []string{"a", "b", "c-d", "über all"} {
		if got := d.Send(room, "to "+room); got.Matched != 1 {
			t.Errorf("room %q: matched %d streams, want 1", room, got.Matched)
		}
		harness.WantMessage(t, s, "to "+room)
	}
	if got := d.Send("c", "nobody"); got.Matched != 0 {
		t.Errorf("room c: matched %d streams, want 0", got.Matched)
	}
	// Form decoding comes first, then the split: %2D is a separator too.
	s = d.Subscribe("subscribe=x%2Dy+z")
	for _, room := range []string{"x", "y z"} {
		if got := d.Send(room, "hi"); got.Matched != 1 {
			t.Errorf("room %q: matched %d streams, want 1", room, got.Matched)
		}
		harness.WantMessage(t, s, "hi")
	}
}

func TestEventCarriesAnyMessage(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	s := d.Subscribe("subscribe=a")
	for _, tt := range []struct{ data, want string }{
		{"plain", "plain"},
		{"", ""},
		{" leading space", " leading space"},
		{"two\nlines", "two\nlines"},
		{"CR\rLF\nCRLF\r\nend", "CR\nLF\nCRLF\nend"},
		{"\n\nid: forged\nevent: forged\ndata: forged\n\n", "\n\nid: forged\nevent: forged\ndata: forged\n\n"},
		{"ünï€ 🎈 \x00 NUL", "ünï€ 🎈 \x00 NUL"},
		{`{"json":"a=b;c","n":[1,2]}`, `{"json":"a=b;c","n":[1,2]}`},
	} {
		id := d.Send("a", tt.data).ID
		if e := harness.WantMessage(t, s, tt.want); e.ID != id {
			t.Errorf("%q: id %q, the publisher was told %q", tt.data, e.ID, id)
		}
	}
	d.Call("send", harness.Object{"to": []string{"a", "a*", "*"}, "event": "note", "data": "once", "retry": 1234}, nil)
	harness.WantEvent(t, s, "note", "once")
	if got := s.Decoder.Retry(); got != 1234*time.Millisecond {
		t.Errorf("retry %s, want 1.234s", got)
	}
	d.Send("a", "end")
	harness.WantMessage(t, s, "end")
}

func TestResume(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	s := d.Subscribe("subscribe=a-b")
	d.Send("a", "one")
	first := harness.WantMessage(t, s, "one")
	if err := s.Cut(); err != nil {
		t.Fatal(err)
	}
	d.AwaitStreams("", 0)
	d.Send("b", "two")
	d.Send("other", "not mine")
	d.Send("a", "three")

	header := d.Request("subscribe=a-b&lastEventId=" + url.QueryEscape("zzz-7"))
	header.LastEventID = first.ID
	query := d.Request("subscribe=a-b&lastEventId=" + url.QueryEscape(first.ID))
	for name, r := range map[string]subscriber.Request{"header wins over the query": header, "query": query} {
		s := d.Open(r)
		if got := s.Decoder.LastEventID(); got != first.ID {
			t.Errorf("%s: first frame has id %s, want %s: the replay starts there", name, got, first.ID)
		}
		harness.WantMessage(t, s, "two")
		harness.WantMessage(t, s, "three")
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	d.AwaitStreams("", 0)
	s = d.Open(header)
	harness.WantMessage(t, s, "two")
	harness.WantMessage(t, s, "three")
	d.Send("b", "live")
	harness.WantMessage(t, s, "live")
}

func TestResumeFromTheEarliest(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--history-events", "3")
	d.Send("a", "evicted")
	d.Send("a", "one")
	d.Send("b", "not mine")
	d.Send("a", "two")
	query := d.Request("subscribe=a&lastEventId=earliest")
	header := d.Request("subscribe=a")
	header.LastEventID = "earliest"
	for _, r := range []subscriber.Request{query, header} {
		s := d.Open(r)
		last := harness.WantMessage(t, s, "one")
		harness.WantMessage(t, s, "two")
		d.Send("c", "not mine either")
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		again := query // the browser keeps its URL, and sends what it has seen
		again.LastEventID = last.ID
		s = d.Open(again)
		harness.WantMessage(t, s, "two")
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		d.Send("a", "one") // so that the history is as before
		d.Send("b", "not mine")
		d.Send("a", "two")
	}
}

func TestResumeOverHonestGap(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--history-events", "3")
	for _, data := range []string{"one", "two", "three", "four", "five"} {
		d.Send("a", data)
	}
	epoch := d.Status().Epoch
	for _, last := range []string{epoch + "-1", "unknown-3", "nonsense", epoch + "-999"} {
		r := d.Request("subscribe=a")
		r.LastEventID = last
		s := d.Open(r)
		e, err := s.Next()
		if err != nil {
			t.Fatal(err)
		}
		var gap struct {
			LastEventID string `json:"last_event_id"`
			ResumedAt   string `json:"resumed_at"`
		}
		if err := json.Unmarshal([]byte(e.Data), &gap); err != nil || e.Name != "hasses.gap" {
			t.Fatalf("after %q came %+v, want hasses.gap", last, e)
		}
		if gap.LastEventID != last || gap.ResumedAt != epoch+"-2" || e.ID != epoch+"-2" {
			t.Errorf("after %q: gap %+v with id %s, want resumed_at %s-2", last, gap, e.ID, epoch)
		}
		harness.WantMessage(t, s, "three")
		harness.WantMessage(t, s, "four")
		harness.WantMessage(t, s, "five")
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestHeartbeat(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--heartbeat-interval", "100ms")
	s := d.Subscribe("subscribe=a")
	for range 2 {
		if _, dispatched, err := s.Decoder.Frame(); err != nil || dispatched {
			t.Fatalf("want a comment, got event %t and %v", dispatched, err)
		}
	}
	if got := s.Decoder.Comments(); got < 2 {
		t.Errorf("%d comments, want 2", got)
	}
	d = harness.Start(t, "--heartbeat-interval", "100ms", "--heartbeat-event", "ping")
	harness.WantEvent(t, d.Subscribe("subscribe=a"), "ping", "")
}

func TestHTTP10IsEndedByClose(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	for name, r := range map[string]subscriber.Request{"TLS": d.Request("subscribe=a&id=x"), "plain": d.Plain("subscribe=a&id=x")} {
		r.Proto = "HTTP/1.0"
		s := d.Open(r)
		if got := s.Header.Get("Transfer-Encoding"); got != "" {
			t.Errorf("%s: Transfer-Encoding: %q for HTTP/1.0", name, got)
		}
		d.Send("a", "hello")
		harness.WantMessage(t, s, "hello")
		d.Call("kick", harness.Object{"id": "x"}, nil)
		if rest, err := s.Rest(); err != nil || len(rest) > 0 {
			t.Errorf("%s: end of the stream: %v, %v", name, rest, err)
		}
	}
}

func TestBothAddressFamilies(t *testing.T) {
	t.Parallel()
	d := harness.Prepare(t)
	harness.OnBothFamilies(d, "https://", d.HTTPS, d.Request("subscribe=a"))
}

func TestReinit(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--reinit")
	s := d.Subscribe("subscribe=a&id=x")
	d.Send("a", "before")
	harness.WantMessage(t, s, "before")
	if _, err := io.WriteString(s, "GET /sse?subscribe=b&id=x HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, "a stream in room b", func() bool { return d.Streams("b") == 1 })
	if got := d.Streams("a"); got != 0 {
		t.Errorf("%d streams in the old room, want 0", got)
	}
	// The first response ends, the second follows it on the same connection.
	if e, err := s.Next(); !errors.Is(err, io.EOF) {
		t.Fatalf("after the second request the first stream goes on: %+v, %v", e, err)
	}
	if err := s.Response(); err != nil || s.Status != 200 {
		t.Fatalf("second response: %d, %v", s.Status, err)
	}
	if _, err := s.Preface(); err != nil {
		t.Fatal(err)
	}
	d.Send("a", "old room")
	d.Send("b", "new room")
	harness.WantMessage(t, s, "new room")
	if got := d.Status().ReinitsTotal; got != 1 {
		t.Errorf("reinits_total %d, want 1", got)
	}
}
