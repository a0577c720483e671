package edge

import (
	"fmt"
	"strings"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"

	"github.com/hassesd/hassesd/internal/httppublish"
	"github.com/hassesd/hassesd/internal/reactor/reactortest"
)

// turnOne lets everything happen on one loop, while the others stand still.
func (w *testServer) turnOne(loop int) {
	w.t.Helper()
	reactortest.Turn(w.t, 4, w.loops[loop])
}

// wantNow checks that an answer has come without any goroutine.
func (c *client) wantNow(want string) {
	c.w.t.Helper()
	if got := c.received(); !strings.HasSuffix(got, "\r\n\r\n"+want) || strings.Count(got, "HTTP/1.1") != 1 {
		c.w.t.Fatalf("got %q, want %q", got, want)
	}
	c.got.Reset()
}

func TestAShortPostIsAnsweredInItsTurn(t *testing.T) {
	t.Parallel()
	w := postTestServer(t, nil)
	s := w.subscribe("subscribe=a")
	c := w.connect()
	for i, text := range []string{
		withLength("/sse?to=a", "text/plain", "1"),
		withLength("/sse", formType, "to=a&data=2"),
		withLength("/sse", "application/json", `{"to":"a","data":"3"}`),
	} {
		c.Send([]byte(text))
		w.turnOne(0)
		c.wantNow(fmt.Sprintf("{\"id\":\"e-%d\",\"matched\":1}\n", i+1))
		s.wantEvent(i+1, fmt.Sprint(i+1))
		if n := w.srv.postSlots.inWork(); n != 0 {
			t.Errorf("%d requests are in work", n)
		}
	}
	c.Send([]byte(withLength("/sse", formType, "to=a")))
	w.turnOne(0)
	if got := c.received(); !strings.HasPrefix(got, "HTTP/1.1 422 ") {
		t.Errorf("without data: got %q", got)
	}
	w.check()
}

// twoLoops returns a server, a publisher on one loop and a stream on the other.
func twoLoops(t *testing.T) (w *posting, c, s *client, publishing, listening int) {
	t.Helper()
	w = postTestServer(t, func(s *setup, _ *httppublish.Config) { s.loops = 2 })
	s, c = w.subscribe("subscribe=a"), w.connect()
	w.turn()
	listening = 0
	if w.srv.workers[1].subs.Len() == 1 {
		listening = 1
	}
	if publishing = 1 - listening; len(w.srv.workers[publishing].conns) != 1 {
		t.Fatal("both connections are on one loop")
	}
	return w, c, s, publishing, listening
}

func TestTheAnswerWaitsForTheLoopsThatCount(t *testing.T) {
	t.Parallel()
	w, c, s, publishing, listening := twoLoops(t)
	for i := range 3 {
		c.Send([]byte(withLength("/sse?to=a", "text/plain", fmt.Sprint(i))))
		w.turnOne(publishing)
		c.wantNothing()
		if n := w.srv.postSlots.inWork(); n != 1 {
			t.Errorf("%d requests are in work", n)
		}
		w.turnOne(listening)
		w.turnOne(publishing)
		c.wantNow(fmt.Sprintf("{\"id\":\"e-%d\",\"matched\":1}\n", i+1))
		s.wantEvent(i+1, fmt.Sprint(i))
	}
	w.check()
}

func TestTheAnswerDoesNotWaitForever(t *testing.T) {
	t.Parallel()
	w, c, s, publishing, listening := twoLoops(t)
	c.Send([]byte(withLength("/sse?to=a", "text/plain", "x") + withLength("/sse?to=b", "text/plain", "y")))
	w.turnOne(publishing)
	w.kernel.Advance(countTimeout - time.Second)
	w.turnOne(publishing)
	c.wantNothing()
	w.kernel.Advance(2 * time.Second)
	w.turnOne(publishing)
	got := c.received()
	first, second := `{"id":"e-1","matched":null}`, `{"id":"e-2","matched":0}`
	if !strings.Contains(got, first) || strings.Index(got, second) < strings.Index(got, first) {
		t.Errorf("got %q", got)
	}
	c.got.Reset()
	w.turnOne(listening)
	w.turnOne(publishing)
	c.wantNothing()
	s.wantEvent(1, "x")
	w.check()
}

func TestAClientThatLeavesBeforeItsAnswer(t *testing.T) {
	t.Parallel()
	w, c, s, publishing, listening := twoLoops(t)
	c.Send([]byte(withLength("/sse?to=a", "text/plain", "x")))
	w.turnOne(publishing)
	c.Reset() // it is not read while its request is in work
	w.turnOne(publishing)
	w.turnOne(listening)
	w.turnOne(publishing)
	if n, conns := w.srv.postSlots.inWork(), len(w.srv.workers[publishing].conns); n != 0 || conns != 0 {
		t.Errorf("%d requests are in work of a client that is gone, and %d connections are left", n, conns)
	}
	s.wantEvent(1, "x")
	w.check()
}

func TestAStreamThatIsResetBeforeItsAnswer(t *testing.T) {
	t.Parallel()
	w, c, s, publishing, listening := twoLoops(t)
	h := newH2client(c)
	h.begin()
	h.postText("x")
	h.send()
	w.turnOne(publishing)
	if n := w.srv.postSlots.inWork(); n != 1 {
		t.Fatalf("%d requests are in work", n)
	}
	h.must(h.write.WriteRSTStream(h.number, xhttp2.ErrCodeCancel))
	h.send()
	w.turnOne(publishing)
	if n := w.srv.postSlots.inWork(); n != 0 {
		t.Errorf("%d requests are in work of a stream that is gone", n)
	}
	w.turnOne(listening)
	w.turnOne(publishing)
	s.wantEvent(1, "x")
	h.pump()
	if a := h.answers[h.number]; a.status != "" {
		t.Errorf("it was answered: %s", a.status)
	}
	w.check()
}

// A body of length 0 may have its end in a frame of its own.
func TestTheEndOfAnEmptyBodyOverHTTP2(t *testing.T) {
	t.Parallel()
	w, c, _, publishing, _ := twoLoops(t)
	h := newH2client(c)
	h.begin()
	send := func() {
		h.send()
		w.turnOne(publishing)
	}
	head := func() {
		h.ask("POST", "/sse?to=a", false, "authorization", "Bearer "+postKey, "content-type", "text/plain", "content-length", "0")
	}
	end := func() { h.must(h.write.WriteData(h.number, true, nil)) }
	head()
	end()
	send() // both within a turn
	if n := w.hub.LastID().Seq; n != 1 {
		t.Fatalf("message %d is the last", n)
	}
	head()
	send()
	if n := w.hub.LastID().Seq; n != 1 {
		t.Errorf("it was published before its end")
	}
	end()
	send()
	for i, number := range []uint32{1, 3} {
		if a := h.answerTo(number); a.body.String() != fmt.Sprintf("{\"id\":\"e-%d\",\"matched\":1}\n", i+1) {
			t.Errorf("got %s %q", a.status, a.body.String())
		}
	}
	w.check()
}

func TestAShortPostThatHasToWaitGetsAGoroutine(t *testing.T) {
	t.Parallel()
	w := postTestServer(t, nil)
	w.pace.Store(20)
	c := w.connect()
	for i := range 25 { // a second's worth at once, and then one each 50 ms
		c.Send([]byte(withLength("/sse?to=a", "text/plain", "x")))
		if got := c.wantAnswer("200", false); !strings.Contains(got, fmt.Sprintf(`"e-%d"`, i+1)) {
			t.Errorf("got %s", got)
		}
	}
	if held := w.publisher.Stats().Held; held < 3 {
		t.Errorf("%d messages waited for the pace", held)
	}
	w.check()
}

// A client that posts again as soon as it has its answer finds its slot free.
func TestTheSlotIsFreeBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	w := postTestServer(t, func(s *setup, _ *httppublish.Config) { s.edge.Requests = 1 })
	c := w.connect()
	for range 50 {
		for _, text := range []string{
			withLength("/sse?to=a", "text/plain", "x"),
			chunkedBody("/sse?to=a", "text/event-stream") + "9\r\ndata: 3\n\n\r\n0\r\n\r\n", // has a goroutine
		} {
			c.Send([]byte(text))
			c.wantAnswer("200", false)
			if n := w.srv.postSlots.inWork(); n != 0 {
				t.Fatalf("%d requests are in work after the answer", n)
			}
		}
	}
}

func TestAShortPostOverHTTP2IsAnsweredInItsTurn(t *testing.T) {
	t.Parallel()
	w := postTestServer(t, nil)
	s := w.subscribe("subscribe=a")
	h := w.connectH2()
	for i := range 3 {
		h.postText(fmt.Sprint(i))
		h.flush()
		if a := h.answers[h.number]; !a.ended || a.body.String() != fmt.Sprintf("{\"id\":\"e-%d\",\"matched\":1}\n", i+1) {
			t.Errorf("got %s %q", a.status, a.body.String())
		}
		s.wantEvent(i+1, fmt.Sprint(i))
	}
	if n := w.srv.postSlots.inWork(); n != 0 {
		t.Errorf("%d requests are in work", n)
	}
	w.check()
}

func TestADrainWaitsForAnAnswerThatIsNearlyThere(t *testing.T) {
	t.Parallel()
	w, c, _, publishing, _ := twoLoops(t)
	c.Send([]byte(withLength("/sse?to=a", "text/plain", "x")))
	w.turnOne(publishing)
	w.drain(time.Second)
	if got := c.wantAnswer("200", true); !strings.Contains(got, `"e-1"`) {
		t.Errorf("got %s", got)
	}
}
