package edge

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/httppublish"
	"github.com/hassesd/hassesd/internal/publish"
)

// posting is a test server that publishes by POST.
type posting struct {
	*testServer
	service   *httppublish.Service
	publisher *publish.Publisher
	budget    *httppublish.Budget
	pace      atomic.Int64 // messages in a second; 0: no bound
}

const postKey = "a-key-of-a-publisher"

func postTestServer(t testing.TB, change func(*setup, *httppublish.Config)) *posting {
	t.Helper()
	p := &posting{}
	config := &httppublish.Config{
		MessageBytes: 100 << 10,
		BodyTimeout:  20 * time.Second,
		StreamIdle:   20 * time.Second,
		Access: httppublish.Access{FindKey: func(secret string) (httppublish.Key, bool) {
			return httppublish.Key{ID: "k", MayPublish: true}, secret == postKey
		}},
	}
	p.testServer = newTestServer(t, func(s *setup) {
		s.edge.Publish, s.edge.Requests = true, 8
		s.edge.HTTP2, s.edge.StreamsPerConnection = true, 100
		s.publish = func(w *testServer) *httppublish.Service {
			p.budget = httppublish.NewBudget(func() int64 { return 64 << 20 })
			p.publisher = publish.New(publish.Options{
				Log: w.log,
				Now: time.Now,
				Limits: func() publish.Limits {
					return publish.Limits{MessageBytes: config.MessageBytes, Pace: publish.Pace{Messages: int(p.pace.Load())}}
				},
			})
			p.service = httppublish.New(httppublish.Options{
				Door:      publish.DoorHTTP,
				Budget:    p.budget,
				Config:    func() *httppublish.Config { return config },
				Now:       time.Now,
				Publisher: p.publisher,
				Stopping:  t.Context(),
			})
			return p.service
		}
		if change != nil {
			change(s, config)
		}
	})
	return p
}

// request returns a POST, with its body if that is known.
func request(target, contentType, body string, fields ...string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\n%s\r\n%s",
		target, postKey, contentType, strings.Join(append(fields, ""), "\r\n"), body)
}

func withLength(target, contentType, body string) string {
	return request(target, contentType, body, fmt.Sprintf("Content-Length: %d", len(body)))
}

func chunkedBody(target, contentType string) string {
	return request(target, contentType, "", "Transfer-Encoding: chunked")
}

const formType = "application/x-www-form-urlencoded"

// await lets things happen until ok. The goroutines that publish run in their own time.
func (w *testServer) await(what string, ok func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			w.t.Fatalf("%s did not happen", what)
		}
		w.turn()
	}
}

// wantAnswer waits for an answer and eats it. It returns its body.
func (c *client) wantAnswer(status string, closes bool) string {
	c.w.t.Helper()
	pattern := regexp.MustCompile(`^HTTP/1.1 (\d+) [^\r]*\r\n((?:[^\r]+\r\n)*)\r\n([^\n]*\n)`)
	var m []string
	c.w.await("an answer with "+status, func() bool {
		m = pattern.FindStringSubmatch(c.received())
		return m != nil
	})
	if m[1] != status || strings.Contains(m[2], "Connection: close\r\n") != closes {
		c.w.t.Fatalf("got %q, want %s, and that it closes: %t", m[0], status, closes)
	}
	if want := fmt.Sprintf("Content-Length: %d\r\n", len(m[3])); !strings.Contains(m[2], want) {
		c.w.t.Fatalf("got %q, want %s", m[0], want)
	}
	c.got.Next(len(m[0]))
	return m[3]
}

// onLoop runs fn on the first loop.
func (w *testServer) onLoop(fn func()) {
	w.t.Helper()
	done := false
	if err := w.loops[0].Post(func() { fn(); done = true }); err != nil {
		w.t.Fatal(err)
	}
	w.await("a turn", func() bool { return done })
}

func (w *posting) anyPost() *h1conn {
	for _, h1 := range w.srv.workers[0].h1conns {
		return h1
	}
	return nil
}

// post begins a POST.
func (h *h2client) post(path, contentType string, end bool) {
	h.w.t.Helper()
	h.ask("POST", path, end, "authorization", "Bearer "+postKey, "content-type", contentType)
	h.flush()
}

// postText begins a POST of a short text, which goes out with the next frames.
func (h *h2client) postText(text string) {
	h.w.t.Helper()
	h.ask("POST", "/sse?to=a", false, "authorization", "Bearer "+postKey, "content-type", "text/plain", "content-length", strconv.Itoa(len(text)))
	h.must(h.write.WriteData(h.number, true, []byte(text)))
}

// answerTo waits for the whole answer to a stream.
func (h *h2client) answerTo(stream uint32) *h2answer {
	h.w.t.Helper()
	h.w.await("the answer", func() bool { h.pump(); return h.answers[stream].ended })
	return h.answers[stream]
}

func (h *h2client) data(stream uint32, text string, end bool) {
	h.w.t.Helper()
	h.must(h.write.WriteData(stream, end, []byte(text)))
	h.flush()
}
