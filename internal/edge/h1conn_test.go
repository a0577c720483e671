package edge

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/httppublish"
)

func TestPostsAreAnsweredInTheirOrder(t *testing.T) {
	t.Parallel()
	w := postTestServer(t, nil)
	s := w.subscribe("subscribe=a")
	c := w.connect()
	c.Send([]byte(withLength("/sse", formType, "to=a&data=1") + "\r\n" +
		withLength("/sse?to=a", "text/plain", "2") +
		chunkedBody("/sse?to=a", "text/event-stream") + "9\r\ndata: 3\n\n\r\n0\r\n\r\n" +
		withLength("/sse", "application/json", `{"to":"a"}`) +
		withLength("/sse", formType, "to=a&data=4") +
		"GET /sse?subscribe=b HTTP/1.1\r\nHost: x\r\n\r\n"))
	for _, want := range []string{`{"id":"e-1","matched":1}`, `{"id":"e-2","matched":1}`, `{"published":1,"first_id":"e-3","last_id":"e-3"}`} {
		if got := c.wantAnswer("200", false); got != want+"\n" {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	c.wantAnswer("422", false)
	if got := c.wantAnswer("200", false); !strings.Contains(got, "e-4") {
		t.Errorf("got %s", got)
	}
	w.await("the stream", func() bool { return strings.Contains(c.received(), "retry:") })
	c.want(`HTTP/1.1 200 OK\r\n`)
	for i := range 4 {
		s.wantEvent(i+1, fmt.Sprint(i+1))
	}
	w.check()
}

func TestAPostMayComeInAnyPieces(t *testing.T) {
	t.Parallel()
	text := chunkedBody("/sse?to=a", "text/plain") + "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-Trailer: y\r\n\r\n" + withLength("/sse", formType, "to=a&data=2")
	for _, size := range []int{1, 2, 3, 7, 64, 1000} {
		w := postTestServer(t, nil)
		s := w.subscribe("subscribe=a")
		c := w.connect()
		for rest := text; rest != ""; {
			n := min(size, len(rest))
			c.Send([]byte(rest[:n]))
			rest = rest[n:]
			w.turn()
		}
		c.wantAnswer("200", false)
		c.wantAnswer("200", false)
		s.wantEvent(1, "hello world")
		s.wantEvent(2, "2")
	}
}

func TestThePostThatIsRefusedLeavesTheConnection(t *testing.T) {
	t.Parallel()
	w := postTestServer(t, nil)
	c := w.connect()
	wrong := strings.ReplaceAll(withLength("/sse", formType, "to=a&data=x"), postKey, "wrong")
	c.Send([]byte(wrong + wrong))
	c.wantAnswer("401", false)
	c.wantAnswer("401", false)
	slow := strings.ReplaceAll(chunkedBody("/sse?to=a", "text/plain"), postKey, "wrong")
	c.Send([]byte(slow))
	c.wantAnswer("401", false)
	c.Send([]byte("5\r\nhello\r\n0\r\n\r\n" + withLength("/sse", formType, "to=a&data=x")))
	c.wantAnswer("200", false)
	if n := w.service.Refused()[httppublish.CodeInvalidToken]; n != 3 {
		t.Errorf("%d refusals are counted", n)
	}
	if st := w.limits().Admission.Violations; st["wrong_key"] != 3 {
		t.Errorf("violations %v", st)
	}

	// Too much of a body that nobody wants, and one that has not been sent yet.
	c.Send([]byte(strings.ReplaceAll(request("/sse?to=a", "text/plain", "", "Content-Length: 1000000"), postKey, "wrong")))
	c.wantAnswer("401", true)
	c = w.connect()
	c.Send([]byte(strings.ReplaceAll(request("/sse?to=a", "text/plain", "", "Content-Length: 1", "Expect: 100-continue"), postKey, "wrong")))
	c.wantAnswer("401", true)
	c = w.connect()
	c.Send([]byte(slow + strings.Repeat("400\r\n"+strings.Repeat("x", 1024)+"\r\n", 65)))
	c.wantAnswer("401", false)
	w.await("the end", c.Ended)
}

// TestAPostToTheWrongPlaceLeavesTheConnection: what is wrong is the path, not the body.
func TestAPostToTheWrongPlaceLeavesTheConnection(t *testing.T) {
	t.Parallel()
	w := postTestServer(t, func(s *setup, _ *httppublish.Config) { s.edge.HealthPath = "/healthz" })
	c := w.connect()
	c.Send([]byte(withLength("/nowhere", formType, "to=a&data=x") + withLength("/healthz", formType, "to=a&data=x") + withLength("/sse", formType, "to=a&data=x")))
	c.wantAnswer("404", false)
	c.wantAnswer("405", false)
	c.wantAnswer("200", false)
	c.Send([]byte(request("/nowhere", "text/plain", "", "Content-Length: 1000000")))
	c.wantAnswer("404", true) // the body is not read
	w.await("the end", c.Ended)

	off := postTestServer(t, func(s *setup, _ *httppublish.Config) { s.edge.Publish = false })
	c = off.connect()
	c.Send([]byte(withLength("/nowhere", formType, "to=a&data=x")))
	c.wantAnswer("404", true)
	off.await("the end", c.Ended)
}

func TestABodyIsAskedFor(t *testing.T) {
	t.Parallel()
	w := postTestServer(t, nil)
	c := w.connect()
	c.Send([]byte(request("/sse?to=a", "text/plain", "", "Content-Length: 1", "Expect: 100-continue")))
	w.turn()
	c.want(`HTTP/1.1 100 Continue\r\n\r\n`)
	c.Send([]byte("x"))
	c.wantAnswer("200", false)
}

func TestAConnectionClosesWhenItsClientSaysSo(t *testing.T) {
	t.Parallel()
	w := postTestServer(t, nil)
	c := w.connect()
	c.Send([]byte(request("/sse?to=a", "text/plain", "x", "Content-Length: 1", "Connection: close")))
	c.wantAnswer("200", true)
	c.wantEnd()
	c = w.connect()
	c.Send([]byte(strings.Replace(withLength("/sse?to=a", "text/plain", "x"), "HTTP/1.1", "HTTP/1.0", 1)))
	w.await("the answer", func() bool { return strings.Contains(c.received(), "e-2") })
	c.want(`HTTP/1.0 200 OK\r\n(.+\r\n)*Connection: close\r\n\r\n.*\n`)
	c.wantEnd()
}

func TestABodyWithTwoReadingsIsRefused(t *testing.T) {
	t.Parallel()
	smuggled := "GET /sse?subscribe=a HTTP/1.1\r\nHost: x\r\n\r\n"
	for name, text := range map[string]string{
		"CL and TE":         request("/sse?to=a", "text/plain", "0\r\n\r\n"+smuggled, "Content-Length: 5", "Transfer-Encoding: chunked"),
		"two CL":            request("/sse?to=a", "text/plain", "x"+smuggled, "Content-Length: 1", "Content-Length: 50"),
		"a CL with a sign":  request("/sse?to=a", "text/plain", "x"+smuggled, "Content-Length: +1"),
		"a list of CL":      request("/sse?to=a", "text/plain", "x"+smuggled, "Content-Length: 1, 1"),
		"two TE":            request("/sse?to=a", "text/plain", "0\r\n\r\n"+smuggled, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
		"TE identity":       request("/sse?to=a", "text/plain", "0\r\n\r\n"+smuggled, "Transfer-Encoding: identity, chunked"),
		"TE of HTTP/1.0":    strings.Replace(chunkedBody("/sse?to=a", "text/plain")+"0\r\n\r\n"+smuggled, "HTTP/1.1", "HTTP/1.0", 1),
		"a folded TE":       request("/sse?to=a", "text/plain", smuggled, "Transfer-Encoding:", " chunked"),
		"a blank before it": request("/sse?to=a", "text/plain", smuggled, "Transfer-Encoding : chunked"),
		"LF in a chunk":     chunkedBody("/sse?to=a", "text/plain") + "1\nx\n0\n\n" + smuggled,
		"a chunk's size":    chunkedBody("/sse?to=a", "text/plain") + "0x1\r\nx\r\n0\r\n\r\n" + smuggled,
	} {
		w := postTestServer(t, nil)
		c := w.connect()
		c.Send([]byte(text))
		if got := c.wantAnswer("400", true); !strings.Contains(got, "bad_request") {
			t.Errorf("%s: got %s", name, got)
		}
		w.await(name+": the end", c.Ended)
		c.wantNothing()
		if n := w.hub.LastID().Seq; n != 0 {
			t.Errorf("%s: %d messages were published", name, n)
		}
		if st := w.stats(); st.Streams != 0 {
			t.Errorf("%s: a smuggled request opened a stream", name)
		}
		c.Close()
	}
}

func TestAnEventGoesOutWhenItsBlankLineHasCome(t *testing.T) {
	t.Parallel()
	w := postTestServer(t, nil)
	s := w.subscribe("subscribe=a")
	c := w.connect()
	c.Send([]byte(chunkedBody("/sse?to=a", "text/event-stream")))
	for i := range 5 {
		line := fmt.Sprintf("data: %d\n", i)
		c.Send(fmt.Appendf(nil, "%x\r\n%s\r\n", len(line), line))
		w.turn()
		s.wantNothing()
		c.Send([]byte("1\r\n\n\r\n"))
		w.await("the event", func() bool { return s.received() != "" })
		s.wantEvent(i+1, fmt.Sprint(i))
		w.advance(time.Minute) // an event stream may pause, by the clock of the loop
	}
	listed := false
	for _, info := range w.clients() {
		listed = listed || info.State == "publishing" && info.HTTP == "1.1"
	}
	if !listed {
		t.Errorf("listed as %+v", w.clients())
	}
	if n := w.srv.postSlots.inWork(); n != 1 {
		t.Errorf("%d requests are in work", n)
	}
	c.Send([]byte("0\r\n\r\n"))
	if got := c.wantAnswer("200", false); !strings.Contains(got, `"published":5`) {
		t.Errorf("got %s", got)
	}
}

// A publisher who is held back fills its pipe and no more: the rest stays with the client.
func TestAPublisherWhoIsHeldBackIsNotRead(t *testing.T) {
	t.Parallel()
	w := postTestServer(t, nil)
	w.pace.Store(1)
	c := w.connect()
	event := "data: " + strings.Repeat("x", 1000) + "\n\n"
	c.Send([]byte(chunkedBody("/sse?to=a", "text/event-stream")))
	for range 500 {
		c.Send(fmt.Appendf(nil, "%x\r\n%s\r\n", len(event), event))
	}
	w.await("two events", func() bool { return w.hub.LastID().Seq >= 2 })
	w.await("a pause", func() bool {
		held := false
		w.onLoop(func() { held = len(w.srv.workers[0].h1conns) == 1 && w.anyPost().isHeld })
		return held
	})
	if left := c.Unread(); left < 400_000 {
		t.Errorf("%d bytes are left with the client of a publisher who is held back", left)
	}
	w.pace.Store(0)
	c.Send([]byte("0\r\n\r\n"))
	if got := c.wantAnswer("200", false); !strings.Contains(got, `"published":500`) {
		t.Errorf("got %s", got)
	}
}

func TestHeadsBetweenPostsHaveTheirTime(t *testing.T) {
	t.Parallel()
	w := postTestServer(t, nil)
	idle, slow := w.connect(), w.connect()
	for _, c := range []*client{idle, slow} {
		c.Send([]byte(withLength("/sse?to=a", "text/plain", "x")))
		c.wantAnswer("200", false)
	}
	w.advance(20 * time.Second)
	slow.Send([]byte("POST /sse"))
	w.advance(9 * time.Second)
	if idle.Ended() || slow.Ended() {
		t.Fatal("a connection ended before its time")
	}
	w.advance(2 * time.Second)
	idle.wantEnd()
	slow.wantGone()
	if st := w.stats().Closed; st["idle"] != 1 || st["request_timeout"] != 1 {
		t.Errorf("closed %v", st)
	}
}

// A connection rests as long after a body that was thrown away as after any other.
func TestAConnectionRestsAfterARefusedBody(t *testing.T) {
	t.Parallel()
	w := postTestServer(t, nil)
	c := w.connect()
	text := withLength("/nowhere", "text/plain", "body")
	c.Send([]byte(text[:len(text)-4]))
	c.wantAnswer("404", false)
	c.Send([]byte("body"))
	w.advance(20 * time.Second)
	next := withLength("/sse?to=a", "text/plain", "x")
	c.Send([]byte(next[:10]))
	w.advance(5 * time.Second)
	c.Send([]byte(next[10:]))
	c.wantAnswer("200", false)
	w.advance(29 * time.Second)
	if c.Ended() {
		t.Fatal("the connection ended before its time")
	}
	w.advance(2 * time.Second)
	c.wantEnd()
}
