package edge

import (
	"fmt"
	"strings"
	"testing"

	xhttp2 "golang.org/x/net/http2"
)

func TestPostsOverHTTP2(t *testing.T) {
	t.Parallel()
	w := postTestServer(t, nil)
	s := w.subscribe("subscribe=a")
	h := w.connectH2()
	h.post("/sse?to=a", "text/event-stream", false)
	stream := h.number
	h.post("/sse", formType, false)
	form := h.number
	h.data(stream, "data: 1\n\n", false)
	w.await("the first", func() bool { return w.hub.LastID().Seq == 1 })
	h.data(form, "to=a&data=2", true)
	if a := h.answerTo(form); a.status != "200" || a.body.String() != "{\"id\":\"e-2\",\"matched\":1}\n" {
		t.Errorf("the form: %s %s", a.status, a.body.String())
	}
	h.data(stream, "data: 3\n\n", true)
	if a := h.answerTo(stream); a.status != "200" || !strings.Contains(a.body.String(), `"published":2`) {
		t.Errorf("the stream: %s %s", a.status, a.body.String())
	}
	for i := range 3 {
		s.wantEvent(i+1, fmt.Sprint(i+1))
	}
	h.post("/sse", formType, true) // no body at all
	if a := h.answerTo(h.number); a.status != "422" {
		t.Errorf("without a body: %s %s", a.status, a.body.String())
	}
	w.check()
}

// A publisher who is held back gets no more window for its stream, and others of its connection go on.
func TestAPublisherWhoIsHeldBackOverHTTP2(t *testing.T) {
	t.Parallel()
	w := postTestServer(t, nil)
	w.pace.Store(1)
	h := w.connectH2()
	h.post("/sse?to=a", "text/event-stream", false)
	stream := h.number
	event := "data: " + strings.Repeat("x", 990) + "\n\n"
	for range 60 { // within the window
		h.data(stream, event, false)
	}
	w.await("two events", func() bool { return w.hub.LastID().Seq >= 2 })
	// The connection's window is one of a stream, too: what waits here must not use it up.
	other := h.number + 2
	h.post("/sse", "application/json", false)
	h.data(other, "[", false)
	for range 6 {
		h.data(other, strings.Repeat(" ", 10_000), false)
	}
	h.data(other, `{"to":1}]`, true)
	if a := h.answerTo(other); a.status != "422" {
		t.Errorf("beside it: %s %s", a.status, a.body.String())
	}
	w.pace.Store(0)
	h.data(stream, event, true)
	if a := h.answerTo(stream); a.status != "200" || !strings.Contains(a.body.String(), `"published":61`) {
		t.Errorf("got %s %s", a.status, a.body.String())
	}
	// A stream that is reset gives back what nobody has taken.
	for range 20 {
		h.post("/sse?to=a", "text/plain", false)
		h.data(h.number, strings.Repeat("x", 16<<10), false)
		h.must(h.write.WriteRSTStream(h.number, xhttp2.ErrCodeCancel))
		h.flush()
	}
	w.await("their end", func() bool { return w.srv.postSlots.inWork() == 0 })
	h.post("/sse?to=a", "text/plain", false)
	h.data(h.number, strings.Repeat("x", 16<<10), true)
	h.answerTo(h.number)
	if h.goAway != nil {
		t.Errorf("the connection was ended: %v", *h.goAway)
	}
}

// A publisher may send as many requests and frames as it likes, since each of them is wanted.
func TestAPublisherOverHTTP2IsNoFlood(t *testing.T) {
	t.Parallel()
	w := postTestServer(t, nil)
	h := w.connectH2()
	h.post("/sse?to=a", "text/event-stream", false)
	stream := h.number
	for range 30 {
		for range 100 {
			h.must(h.write.WriteData(stream, false, []byte("data: x\n\n")))
		}
		h.flush()
	}
	h.data(stream, "", true)
	if a := h.answerTo(stream); !strings.Contains(a.body.String(), `"published":3000`) {
		t.Errorf("got %s %s", a.status, a.body.String())
	}
	for range 2000 {
		h.post("/sse", formType, false)
		h.must(h.write.WriteData(h.number, false, []byte("to=a&data=x")))
		h.data(h.number, "", true)
		h.answerTo(h.number)
		delete(h.answers, h.number-20)
	}
	if h.goAway != nil {
		t.Errorf("the connection was ended: %v", *h.goAway)
	}
}
