package edge

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/httppublish"
)

func TestAClientThatLeavesEndsItsPost(t *testing.T) {
	t.Parallel()
	w := postTestServer(t, nil)
	for _, body := range []string{"", "9\r\ndata: 1\n\n\r\n"} {
		c := w.connect()
		c.Send([]byte(chunkedBody("/sse?to=a", "text/event-stream") + body))
		w.await("the request", func() bool { return w.srv.postSlots.inWork() == 1 })
		c.Close()
		w.await("its end", func() bool { return w.srv.postSlots.inWork() == 0 && w.budget.Held() == 0 })
	}
}

func TestABodyThatTakesTooLong(t *testing.T) {
	t.Parallel()
	w := postTestServer(t, func(_ *setup, c *httppublish.Config) {
		c.BodyTimeout, c.StreamIdle = 20*time.Millisecond, 20*time.Millisecond
	})
	for _, contentType := range []string{"text/plain", "text/event-stream"} {
		c := w.connect()
		c.Send([]byte(request("/sse?to=a", contentType, "data", "Content-Length: 10")))
		c.wantAnswer("408", true)
		c.wantEnd()
	}
}

func TestPostsInWorkAreBounded(t *testing.T) {
	t.Parallel()
	w := postTestServer(t, nil) // 8, and so 4 for a network
	var open []*client
	for i := range 9 {
		c := w.connectFrom(fmt.Sprintf("192.0.2.%d", 1+i%3))
		c.Send([]byte(chunkedBody("/sse?to=a", "text/event-stream")))
		open = append(open, c)
		w.turn()
	}
	if got := open[8].wantAnswer("503", false); !strings.Contains(got, "overloaded") {
		t.Errorf("got %s", got)
	}
	for _, c := range open[:8] {
		c.Close()
	}
	w.await("their end", func() bool { return w.srv.postSlots.inWork() == 0 })
	for range 4 {
		w.connect().Send([]byte(chunkedBody("/sse?to=a", "text/event-stream")))
		w.turn()
	}
	c := w.connect()
	c.Send([]byte(withLength("/sse?to=a", "text/plain", "x")))
	if got := c.wantAnswer("429", false); !strings.Contains(got, "too_many_requests") {
		t.Errorf("got %s", got)
	}
	c = w.connectFrom("192.0.2.99")
	c.Send([]byte(withLength("/sse?to=a", "text/plain", "x")))
	c.wantAnswer("200", false)
}

func TestADrainEndsPosts(t *testing.T) {
	t.Parallel()
	w := postTestServer(t, nil)
	idle, streaming, h2 := w.connect(), w.connect(), w.connectH2()
	idle.Send([]byte(withLength("/sse?to=a", "text/plain", "x")))
	idle.wantAnswer("200", false)
	streaming.Send([]byte(chunkedBody("/sse?to=a", "text/event-stream") + "9\r\ndata: 1\n\n\r\n"))
	h2.post("/sse?to=a", "text/event-stream", false)
	h2.data(h2.number, "data: 1\n\n", false)
	w.await("the events", func() bool { return w.hub.LastID().Seq == 3 })
	w.drain(time.Second)
	idle.Send([]byte(withLength("/sse?to=a", "text/plain", "x")))
	idle.wantAnswer("200", true)
	w.advance(1100 * time.Millisecond)
	if got := streaming.wantAnswer("503", true); !strings.Contains(got, "draining") || !strings.Contains(got, `"published":1`) {
		t.Errorf("got %s", got)
	}
	w.await("the answer", func() bool { h2.pump(); return h2.answers[h2.number].ended })
	if a := h2.answers[h2.number]; a.status != "503" || !strings.Contains(a.body.String(), `"published":1`) {
		t.Errorf("got %s %s", a.status, a.body.String())
	}
}

func TestPostIsOffUnlessItIsTurnedOn(t *testing.T) {
	t.Parallel()
	w := newTestServer(t, nil)
	c := w.connect()
	c.Send([]byte(withLength("/sse", formType, "to=a&data=x")))
	w.turn()
	c.want(`HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD, OPTIONS\r\n`)
}
