package bench

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// postServer is a server that publishes what is posted to one subscriber, but for every nth message.
func postServer(t *testing.T, lose int) *httptest.Server {
	t.Helper()
	events := make(chan string, 1<<16)
	var mu sync.Mutex
	n := 0
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sub", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		out := http.NewResponseController(w)
		_ = out.Flush()
		for {
			select {
			case e := <-events:
				fmt.Fprintf(w, "data: %s\n\n", e)
				_ = out.Flush()
			case <-r.Context().Done():
				return
			}
		}
	})
	mux.HandleFunc("POST /pub", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		if n++; lose == 0 || n%lose != 0 {
			events <- string(body)
		}
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func TestPosts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ lose, size int }{{0, 50}, {10, 50}, {0, 1 << 20}} {
		lose := tt.lose
		s := postServer(t, lose)
		r, err := Posts(t.Context(), PostOptions{
			PublishURL:   s.URL + "/pub?ch={room}",
			SubscribeURL: s.URL + "/sub?ch={room}",
			Publishers:   3,
			Streams:      1,
			Size:         tt.size,
			Duration:     200 * time.Millisecond,
			Timeout:      2 * time.Second,
			Run:          "x",
		})
		if err != nil {
			t.Fatal(err)
		}
		if r.Messages == 0 || r.Sent < r.Messages || r.PerSecond <= 0 || r.AnswerP50 <= 0 || r.AnswerP99 < r.AnswerP50 || r.ReceiptP50 <= 0 {
			t.Errorf("got %+v", r)
		}
		if (r.Problem != "") != (lose > 0) || (r.Received != r.Sent) != (lose > 0) {
			t.Errorf("with every %dth message of %d bytes lost: %+v", lose, tt.size, r)
		}
	}
}

func TestPostsToAsManyStreamsAsAsked(t *testing.T) {
	t.Parallel()
	for _, streams := range []int{0, 2} {
		s := postServer(t, 0) // each event goes to one stream
		r, err := Posts(t.Context(), PostOptions{
			PublishURL:   s.URL + "/pub?ch={room}",
			SubscribeURL: s.URL + "/sub?ch={room}",
			Publishers:   1,
			Streams:      streams,
			Duration:     50 * time.Millisecond,
			Timeout:      200 * time.Millisecond,
			Run:          "x",
		})
		if err != nil {
			t.Fatal(err)
		}
		if r.Sent == 0 || r.Streams != streams || streams == 0 && (r.Received > 0 || r.ReceiptP50 > 0) || (r.Problem != "") != (streams == 2) {
			t.Errorf("with %d streams: %+v", streams, r)
		}
	}
}

func TestPostsThatAreRefused(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, "no")
		}
	}))
	t.Cleanup(s.Close)
	_, err := Posts(t.Context(), PostOptions{
		PublishURL: s.URL + "/{room}", SubscribeURL: s.URL + "/{room}", Publishers: 1, Duration: time.Second, Timeout: 10 * time.Second, Run: "x",
	})
	if err == nil || !strings.Contains(err.Error(), "status 403: no") {
		t.Errorf("got %v", err)
	}
}

func TestPostsDoNotWaitForASilentServer(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // the kernel accepts connections, and nobody reads them
	for _, scheme := range []string{"http", "https"} {
		url := scheme + "://" + l.Addr().String() + "/{room}"
		_, err := Posts(t.Context(), PostOptions{
			PublishURL: url, SubscribeURL: url, Publishers: 1, Streams: 1, Duration: time.Second, Timeout: 50 * time.Millisecond, Run: "x",
		})
		if timeout, ok := errors.AsType[net.Error](err); !ok || !timeout.Timeout() {
			t.Errorf("%s: got %v", scheme, err)
		}
	}
}
