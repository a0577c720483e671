package core

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/harness"
)

const (
	formType   = "application/x-www-form-urlencoded"
	streamType = "text/event-stream"
)

func TestPost(t *testing.T) {
	t.Parallel()
	d := harness.Publishing(t)
	d.Run()
	s := d.Subscribe("subscribe=a")
	for _, http2 := range []bool{false, true} {
		c := d.HTTPClient(http2)
		for _, tt := range []struct {
			query, contentType, body string
			want                     []string
		}{
			{"", formType, "to=a&data=form+1", []string{"form 1"}},
			{"", "application/json", `{"to":["a","x"],"data":"json"}`, []string{"json"}},
			{"", "application/json", `[{"to":"a","data":"1"},{"to":"a","data":"2"}]`, []string{"1", "2"}},
			{"to=a", "text/plain", "text\nof two lines", []string{"text\nof two lines"}},
			{"to=a", streamType, "data: 1\n\ndata: 2\ndata: 3\n\n", []string{"1", "2\n3"}},
		} {
			a := d.Post(c, tt.query, tt.contentType, strings.NewReader(tt.body))
			if a.Status != 200 || (a.Proto == "HTTP/2.0") != http2 {
				t.Errorf("%s: %s %d %s", tt.contentType, a.Proto, a.Status, a.Text)
			}
			if a.Results == nil && a.Published == 0 && (a.Matched == nil || *a.Matched != 1) {
				t.Errorf("%s: matched %v, want 1", tt.contentType, a.Matched)
			}
			for _, want := range tt.want {
				harness.WantMessage(t, s, want)
			}
		}
		for _, tt := range []struct {
			query, contentType, body string
			status                   int
			code                     string
			header                   []string
		}{
			{"", formType, "to=a", 422, "invalid_message", nil},
			{"", "application/json", "{", 400, "bad_request", nil},
			{"", "multipart/form-data; boundary=x", "x", 415, "unsupported_media_type", nil},
			{"to=a", "text/plain", strings.Repeat("x", 64<<10+1), 413, "too_large", nil},
			{"", formType, "to=a&data=x", 401, "missing_token", []string{"Authorization", ""}},
			{"", formType, "to=a&data=x", 401, "invalid_token", []string{"Authorization", "Bearer x"}},
			{"", formType, "to=a&data=x", 403, "publish_not_allowed", []string{"Authorization", "Bearer reader-" + harness.PublishKey}},
			{"", formType, "to=a&data=x", 403, "origin_not_allowed", []string{"Origin", "https://evil.example"}},
			{"to=a", "text/plain", "x", 415, "unsupported_media_type", []string{"Content-Encoding", "gzip"}},
		} {
			if a := d.Post(c, tt.query, tt.contentType, strings.NewReader(tt.body), tt.header...); a.Status != tt.status || a.Code() != tt.code {
				t.Errorf("%s %q: %d %s, want %d %s", tt.contentType, tt.header, a.Status, a.Text, tt.status, tt.code)
			}
		}
	}
	d.Send("a", "end") // and nothing of what was refused before it
	harness.WantMessage(t, s, "end")
	if n := d.Status().Refused["publish_invalid_token"]; n != 2 {
		t.Errorf("%d requests with an unknown key are counted, want 2", n)
	}
}

func TestPostWithAToken(t *testing.T) {
	t.Parallel()
	d := harness.Publishing(t)
	d.Run()
	c := d.HTTPClient(true)
	mint := func(args ...string) []string {
		return []string{"Authorization", "Bearer " + d.Mint(append([]string{"--key-file", d.Path("jwt.key"), "--kid", "web"}, args...)...)}
	}
	publisher := mint("--publish", "shop-*", "--publish", "news", "--sub", "blog")
	for _, tt := range []struct {
		to, code string
		header   []string
	}{
		{"news", "", publisher},
		{"shop-7", "", publisher},
		{"shop-7*", "", publisher},
		{"other", "room_not_allowed", publisher},
		{"*", "room_not_allowed", publisher},
		{"other", "", mint("--publish", "*")},
		{"news", "publish_not_allowed", mint("--room", "news")},
	} {
		a := d.Post(c, "to="+tt.to, "text/plain", strings.NewReader("x"), tt.header...)
		if a.Code() != tt.code {
			t.Errorf("to %s: %d %s, want %q", tt.to, a.Status, a.Text, tt.code)
		}
		if tt.code == "room_not_allowed" && !strings.Contains(a.Error.Message, `"`+tt.to+`"`) {
			t.Errorf("to %s: the message does not name it: %s", tt.to, a.Error.Message)
		}
	}
	key := []string{"Idempotency-Key", "k"}
	first := d.Post(c, "to=news", "text/plain", strings.NewReader("x"), append(key, publisher...)...)
	again := d.Post(c, "to=news", "text/plain", strings.NewReader("x"), append(key, mint("--publish", "news", "--sub", "blog")...)...)
	other := d.Post(c, "to=news", "text/plain", strings.NewReader("x"), append(key, mint("--publish", "news", "--sub", "other")...)...)
	if !again.Duplicate || again.ID != first.ID || other.Duplicate {
		t.Errorf("got %s, again %s, of another subject %s", first.Text, again.Text, other.Text)
	}
}

// A key is the same publisher by every door.
func TestAMessageIsSentAgainByAnotherDoor(t *testing.T) {
	t.Parallel()
	d := harness.Publishing(t)
	d.Run()
	rpc, err := harness.DialRPC("tcp", d.TCP)
	if err != nil {
		t.Fatal(err)
	}
	defer rpc.Close()
	if err := rpc.Call("auth", harness.Object{"key": harness.PublishKey}, nil); err != nil {
		t.Fatal(err)
	}
	var sent struct {
		ID        string
		Duplicate bool
	}
	if err := rpc.Call("send", harness.Object{"to": "a", "data": "x", "key": "k"}, &sent); err != nil {
		t.Fatal(err)
	}
	c := d.HTTPClient(false)
	a := d.Post(c, "to=a", "text/plain", strings.NewReader("x"), "Idempotency-Key", "k")
	if !a.Duplicate || a.ID != sent.ID {
		t.Errorf("got %s, want %s again", a.Text, sent.ID)
	}
	if a := d.Post(c, "to=a", "text/plain", strings.NewReader("y"), "Idempotency-Key", "k"); a.Status != 422 || a.Code() != "key_reused" {
		t.Errorf("another message: %d %s", a.Status, a.Text)
	}
}

func TestPostIsTurnedOffByAReload(t *testing.T) {
	t.Parallel()
	d := harness.Publishing(t)
	d.Run()
	c := d.HTTPClient(false)
	if a := d.Post(c, "to=a", "text/plain", strings.NewReader("x")); a.Status != 200 {
		t.Fatalf("got %d %s", a.Status, a.Text)
	}
	text := harness.ReadFile(t, d.Path("hassesd.toml"))
	harness.WriteFile(t, d.Path("shop.key"), []byte("another-key-for-the-shop-0123456789\n"))
	d.Call("reload", nil, nil)
	if a := d.Post(c, "to=a", "text/plain", strings.NewReader("x")); a.Status != 401 {
		t.Errorf("with a key that was replaced: %d %s", a.Status, a.Text)
	}
	harness.WriteFile(t, d.Path("hassesd.toml"), []byte(strings.Replace(string(text), "http = true", "http = false", 1)))
	d.Args = harness.WithoutFlags(d.Args, "--jwt-key") // it would have no effect
	d.Stop()
	d.Run()
	if a := d.Post(c, "to=a", "text/plain", strings.NewReader("x")); a.Status != 405 || a.Header.Get("Allow") != "GET, HEAD, OPTIONS" {
		t.Errorf("got %d %s, allowed %q", a.Status, a.Text, a.Header.Get("Allow"))
	}
}

// TestAnEventStreamIsDeliveredAsItComes posts a stream of small events, as a language model writes
// them. A reader who comes in the middle and begins with the earliest gets all of them once and in
// order, however often it is cut off. HASSESD_TEST_POSTED has the stream take 20 seconds.
func TestAnEventStreamIsDeliveredAsItComes(t *testing.T) {
	t.Parallel()
	const events = 2000
	length := 2 * time.Second
	if os.Getenv("HASSESD_TEST_POSTED") != "" {
		length = 20 * time.Second
	}
	d := harness.Publishing(t)
	d.Run()
	body, publisher := io.Pipe()
	var answer harness.Answer
	var failed error
	var publishing sync.WaitGroup
	publishing.Go(func() { answer, failed = d.TryPost(d.HTTPClient(true), "to=chat-42", streamType, body) })
	live := d.Subscribe("room=chat-42&lastEventId=earliest")
	began := time.Now()
	go func() {
		defer publisher.Close()
		tick := time.NewTicker(length / events)
		defer tick.Stop()
		for i := range events {
			<-tick.C
			if _, err := fmt.Fprintf(publisher, "data: word %d\n\n", i); err != nil {
				return
			}
		}
	}()
	for i := range 10 { // each comes while the stream is open
		harness.WantMessage(t, live, fmt.Sprint("word ", i))
	}
	if since := time.Since(began); since > length*3/4 {
		t.Errorf("the first events came after %s of %s", since, length)
	}
	for i := 10; i < events/2; i++ {
		harness.WantMessage(t, live, fmt.Sprint("word ", i))
	}

	// The reader in the middle is cut off again and again.
	request := d.Request("room=chat-42&lastEventId=earliest")
	cuts := 0
	for next := 0; next < events; cuts++ {
		s := d.Open(request)
		for range 1 + (cuts*37)%120 {
			if next == events {
				break
			}
			request.LastEventID = harness.WantMessage(t, s, fmt.Sprint("word ", next)).ID
			next++
		}
		if err := s.Cut(); err != nil {
			t.Fatal(err)
		}
	}
	for i := events / 2; i < events; i++ {
		harness.WantMessage(t, live, fmt.Sprint("word ", i))
	}
	publishing.Wait()
	if failed != nil || answer.Status != 200 || answer.Published != events {
		t.Errorf("the publisher was told %d %s, %v", answer.Status, answer.Text, failed)
	}
	t.Logf("%d events over %s, a reader that was cut off %d times", events, length, cuts)
}

// A publisher over its pace is not read on, and loses nothing.
func TestThePaceHoldsAPostBack(t *testing.T) {
	t.Parallel()
	d := harness.Publishing(t, "--limits-publish-rate", "50")
	d.Run()
	s := d.Subscribe("subscribe=a")
	var text strings.Builder
	for i := range 150 {
		fmt.Fprintf(&text, "data: %d\n\n", i)
	}
	began := time.Now()
	a := d.Post(d.HTTPClient(false), "to=a", streamType, strings.NewReader(text.String()))
	if took := time.Since(began); a.Published != 150 || took < 1500*time.Millisecond {
		t.Errorf("150 events at 50 a second took %s: %s", took, a.Text)
	}
	for i := range 150 {
		harness.WantMessage(t, s, fmt.Sprint(i))
	}
}

func TestADevelopmentDaemonTakesPosts(t *testing.T) {
	t.Parallel()
	d := harness.Prepare(t)
	d.Args = append(harness.WithoutFlags(d.Args, "--auth"), "--dev", "--log-format", "json", "--api-listen", "")
	d.Run()
	c := d.HTTPClient(false)
	if a := d.Post(c, "to=a", "text/plain", strings.NewReader("x"), "Authorization", ""); a.Status != 200 {
		t.Errorf("this machine: %d %s", a.Status, a.Text)
	}
	for _, origin := range []string{"https://evil.example", "null", "http://127.0.0.1.evil.example"} {
		if a := d.Post(c, "to=a", "text/plain", strings.NewReader("x"), "Authorization", "", "Origin", origin); a.Status != 403 || a.Code() != "origin_not_allowed" {
			t.Errorf("a page of %s: %d %s", origin, a.Status, a.Text)
		}
	}
}
