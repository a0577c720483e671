package edge

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"

	"github.com/hassesd/hassesd/internal/hub"
)

// TestACutAnswerNeverHidesAGap resumes after an event that is too old, over HTTP/1.1 and HTTP/2, and
// cuts the answer behind every byte. Whatever the browser has seen of it, it has learned of the gap,
// or does so when it comes back.
func TestACutAnswerNeverHidesAGap(t *testing.T) {
	for name, version := range map[string]struct {
		ask  func(w *testServer, lastEventID string) []byte
		body func(t *testing.T, answer []byte) string
	}{
		"HTTP/1.1": {
			func(w *testServer, lastEventID string) []byte {
				c := w.connect()
				defer c.Close()
				c.get("/sse?subscribe=a", "Last-Event-ID: "+lastEventID)
				return c.Received()
			},
			http1Body,
		},
		"HTTP/2": {
			func(w *testServer, lastEventID string) []byte {
				h := w.connectH2()
				defer h.Close()
				h.ask("GET", "/sse?subscribe=a", true, "last-event-id", lastEventID)
				h.send()
				w.turn()
				return h.Received()
			},
			http2Body,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := h2TestServer(t, func(s *setup) { s.hub.History = hub.HistoryLimits{Events: 2, Bytes: 1 << 20, Age: time.Hour} })
			for i := range 5 {
				w.publish("a", fmt.Sprint("event ", i+1))
			}
			answer := version.ask(w, "e-1")
			if body := version.body(t, answer); strings.Count(body, "event: hasses.gap\n") != 1 || !strings.HasSuffix(body, "data: event 5\n\n") {
				t.Fatalf("the whole answer is %q", body)
			}
			again := map[string]string{} // answers to what comes back
			for cut := range len(answer) + 1 {
				body := version.body(t, answer[:cut])
				last := lastEventID(body, "e-1")
				if again[last] == "" {
					again[last] = version.body(t, version.ask(w, last))
				}
				if seen := frames(body) + frames(again[last]); strings.Count(seen, "event: hasses.gap\n") != 1 || strings.Count(seen, "data: event ") != 2 {
					t.Fatalf("cut behind %d bytes, resumed after %s: the browser saw %q", cut, last, seen)
				}
			}
			if len(again) != 4 {
				t.Errorf("the browser came back with %d ids, want the one before the gap and three behind it", len(again))
			}
			w.turn()
		})
	}
}

// frames returns the whole frames of a body, which are what a browser makes use of.
func frames(body string) string { return body[:strings.LastIndex("\n\n"+body, "\n\n")] }

// lastEventID returns the id that a browser keeps that has received body.
func lastEventID(body, before string) string {
	for line := range strings.Lines(frames(body)) {
		if id, ok := strings.CutPrefix(line, "id: "); ok {
			before = strings.TrimSuffix(id, "\n")
		}
	}
	return before
}

// http1Body returns what has come of a body in chunks; the last one may be cut.
func http1Body(t *testing.T, answer []byte) string {
	t.Helper()
	_, rest, _ := strings.Cut(string(answer), "\r\n\r\n")
	var body strings.Builder
	for {
		head, after, ok := strings.Cut(rest, "\r\n")
		if !ok {
			return body.String()
		}
		var n int
		if _, err := fmt.Sscanf(head, "%x", &n); err != nil {
			t.Fatalf("not a chunk: %q", rest)
		}
		body.WriteString(after[:min(n, len(after))])
		rest = after[min(n+2, len(after)):]
	}
}

// http2Body returns what has come of the body of stream 1; the last frame may be cut.
func http2Body(t *testing.T, answer []byte) string {
	t.Helper()
	var body strings.Builder
	for len(answer) >= 9 {
		n := int(binary.BigEndian.Uint32(append([]byte{0}, answer[:3]...)))
		payload := answer[9:min(9+n, len(answer))]
		if xhttp2.FrameType(answer[3]) == xhttp2.FrameData {
			body.Write(payload)
		}
		answer = answer[9+len(payload):]
	}
	return body.String()
}
