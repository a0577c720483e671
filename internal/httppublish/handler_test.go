package httppublish

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/hub/hubtest"
)

// server is a service behind a server of net/http.
func (w *testService) server(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(w)
	t.Cleanup(s.Close)
	return s
}

func (w *testService) do(t *testing.T, s *httptest.Server, contentType, query string, body io.Reader, change func(*http.Request)) (int, http.Header, answered) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/sse?"+query, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+shopKey)
	r.Header.Set("Content-Type", contentType)
	if change != nil {
		change(r)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, (&Answer{Body: text}).decode(t)
}

func TestServeHTTP(t *testing.T) {
	t.Parallel()
	w := newTestService(t)
	s := w.server(t)
	status, header, got := w.do(t, s, form, "", strings.NewReader("to=a&data=x"), nil)
	if status != 200 || got.ID != "e-1" || header.Get("Content-Type") != "application/json" {
		t.Errorf("got %d %+v", status, got)
	}
	status, header, got = w.do(t, s, form, "", strings.NewReader("to=a&data=x"), func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") })
	if status != 401 || got.Error.Code != CodeInvalidToken || header.Get("WWW-Authenticate") == "" {
		t.Errorf("got %d %+v", status, got)
	}
	status, header, _ = w.do(t, s, form, "", strings.NewReader("to=a&data=x"), func(r *http.Request) { r.Header.Set("Origin", s.URL) })
	if status != 200 || header.Get("Access-Control-Allow-Origin") != s.URL {
		t.Errorf("its own origin: %d, %v", status, header)
	}
	status, header, _ = w.do(t, s, form, "", strings.NewReader("to=a&data=x"), func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") })
	if status != 403 || header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("another origin: %d, %v", status, header)
	}
	status, _, got = w.do(t, s, eventStream, "to=b", strings.NewReader("data: 1\n\ndata: 2\n\n"), nil)
	if status != 200 || got.Published != 2 {
		t.Errorf("got %d %+v", status, got)
	}
}

func TestAnEventGoesOutWhileItsStreamIsOpen(t *testing.T) {
	t.Parallel()
	w := newTestService(t)
	w.wakes = make(chan struct{}, 10)
	w.shard = w.hub.NewShard(func() { w.wakes <- struct{}{} })
	hubtest.Subscribe(w.shard, time.Now(), "a")
	s := w.server(t)
	body, publisher := io.Pipe()
	done := make(chan answered, 1)
	go func() {
		_, _, got := w.do(t, s, eventStream, "to=a", body, nil)
		done <- got
	}()
	for i := range 3 {
		fmt.Fprintf(publisher, "data: %d\n\n", i)
		select {
		case <-w.wakes:
		case <-time.After(20 * time.Second):
			t.Fatalf("event %d did not come while the stream was open", i)
		}
		for w.shard.Deliver(10, 1<<20) {
		}
	}
	_ = publisher.Close()
	if got := <-done; got.Published != 3 {
		t.Errorf("got %+v", got)
	}
}

// raw sends bytes, and returns the status line of the answer.
func raw(t *testing.T, s *httptest.Server, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(conn, "POST /sse?to=a HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n%s", shopKey, text)
	line, _ := bufio.NewReader(conn).ReadString('\n')
	return line
}

func TestABodyThatStallsIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newTestService(t)
	w.config.BodyTimeout, w.config.StreamIdle = 50*time.Millisecond, 50*time.Millisecond
	s := w.server(t)
	for _, contentType := range []string{"text/plain", eventStream} {
		if line := raw(t, s, "Content-Type: "+contentType+"\r\nContent-Length: 10\r\n\r\ndata"); !strings.Contains(line, " 408 ") {
			t.Errorf("%s: got %q", contentType, line)
		}
	}
	if line := raw(t, s, "Transfer-Encoding: chunked\r\n\r\nxyz\r\n"); !strings.Contains(line, " 400 ") {
		t.Errorf("a bad chunk: got %q", line)
	}
}

func TestAStreamEndsWithTheDaemon(t *testing.T) {
	t.Parallel()
	w := newTestService(t)
	s := w.server(t)
	time.AfterFunc(50*time.Millisecond, w.stop)
	if line := raw(t, s, "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n"); !strings.Contains(line, " 503 ") {
		t.Errorf("got %q", line)
	}
	wantSent(t, w, sent{to: "a", data: "1"})
}
