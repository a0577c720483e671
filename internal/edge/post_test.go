package edge

import (
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/hassesd/hassesd/internal/httppublish"
	"github.com/hassesd/hassesd/internal/publish"
)

// posting is a test server that publishes by POST.
type posting struct {
	*testServer
	service *httppublish.Service
	budget  *httppublish.Budget
	pace    atomic.Int64 // messages in a second; 0: no bound
}

const postKey = "a-key-of-a-publisher"

func postWorld(t testing.TB, change func(*setup, *httppublish.Config)) *posting {
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
			p.service = httppublish.New(httppublish.Options{
				Door:   publish.DoorHTTP,
				Budget: p.budget,
				Config: func() *httppublish.Config { return config },
				Now:    time.Now,
				Publisher: publish.New(publish.Options{
					Log: w.log,
					Now: time.Now,
					Limits: func() publish.Limits {
						return publish.Limits{MessageBytes: config.MessageBytes, Pace: publish.Pace{Messages: int(p.pace.Load())}}
					},
				}),
				Stopping: t.Context(),
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

func TestPostsAreAnsweredInTheirOrder(t *testing.T) {
	t.Parallel()
	w := postWorld(t, nil)
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
		w := postWorld(t, nil)
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
	w := postWorld(t, nil)
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

func TestABodyIsAskedFor(t *testing.T) {
	t.Parallel()
	w := postWorld(t, nil)
	c := w.connect()
	c.Send([]byte(request("/sse?to=a", "text/plain", "", "Content-Length: 1", "Expect: 100-continue")))
	w.turn()
	c.want(`HTTP/1.1 100 Continue\r\n\r\n`)
	c.Send([]byte("x"))
	c.wantAnswer("200", false)
}

func TestAConnectionClosesWhenItsClientSaysSo(t *testing.T) {
	t.Parallel()
	w := postWorld(t, nil)
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
		w := postWorld(t, nil)
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
	w := postWorld(t, nil)
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
	if n := w.srv.posts.inWork(); n != 1 {
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
	w := postWorld(t, nil)
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

func TestAClientThatLeavesEndsItsPost(t *testing.T) {
	t.Parallel()
	w := postWorld(t, nil)
	for _, body := range []string{"", "9\r\ndata: 1\n\n\r\n"} {
		c := w.connect()
		c.Send([]byte(chunkedBody("/sse?to=a", "text/event-stream") + body))
		w.await("the request", func() bool { return w.srv.posts.inWork() == 1 })
		c.Close()
		w.await("its end", func() bool { return w.srv.posts.inWork() == 0 && w.budget.Held() == 0 })
	}
}

func TestABodyThatTakesTooLong(t *testing.T) {
	t.Parallel()
	w := postWorld(t, func(_ *setup, c *httppublish.Config) {
		c.BodyTimeout, c.StreamIdle = 20*time.Millisecond, 20*time.Millisecond
	})
	for _, contentType := range []string{"text/plain", "text/event-stream"} {
		c := w.connect()
		c.Send([]byte(request("/sse?to=a", contentType, "data", "Content-Length: 10")))
		c.wantAnswer("408", true)
		c.wantEnd()
	}
}

func TestHeadsBetweenPostsHaveTheirTime(t *testing.T) {
	t.Parallel()
	w := postWorld(t, nil)
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

func TestPostsInWorkAreBounded(t *testing.T) {
	t.Parallel()
	w := postWorld(t, nil) // 8, and so 4 for a network
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
	w.await("their end", func() bool { return w.srv.posts.inWork() == 0 })
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
	w := postWorld(t, nil)
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

// post begins a POST.
func (h *h2client) post(path, contentType string, end bool) {
	h.w.t.Helper()
	if h.number == 0 {
		h.number = 1
	} else {
		h.number += 2
	}
	h.answers[h.number] = &h2answer{}
	h.block.Reset()
	for _, f := range [][2]string{
		{":method", "POST"},
		{":scheme", "http"},
		{":authority", "localhost"},
		{":path", path},
		{"authorization", "Bearer " + postKey},
		{"content-type", contentType},
	} {
		h.must(h.encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}))
	}
	h.must(h.write.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: h.number, BlockFragment: h.block.Bytes(), EndHeaders: true, EndStream: end}))
	h.flush()
}

func (h *h2client) data(stream uint32, text string, end bool) {
	h.w.t.Helper()
	h.must(h.write.WriteData(stream, end, []byte(text)))
	h.flush()
}

func TestPostsOverHTTP2(t *testing.T) {
	t.Parallel()
	w := postWorld(t, nil)
	s := w.subscribe("subscribe=a")
	h := w.connectH2()
	h.post("/sse?to=a", "text/event-stream", false)
	stream := h.number
	h.post("/sse", formType, false)
	form := h.number
	h.data(stream, "data: 1\n\n", false)
	w.await("the first", func() bool { return w.hub.LastID().Seq == 1 })
	h.data(form, "to=a&data=2", true)
	w.await("the form's answer", func() bool { h.pump(); return h.answers[form].ended })
	h.data(stream, "data: 3\n\n", true)
	w.await("the stream's answer", func() bool { h.pump(); return h.answers[stream].ended })
	if a := h.answers[form]; a.status != "200" || a.body.String() != "{\"id\":\"e-2\",\"matched\":1}\n" {
		t.Errorf("the form: %s %s", a.status, a.body.String())
	}
	if a := h.answers[stream]; a.status != "200" || !strings.Contains(a.body.String(), `"published":2`) {
		t.Errorf("the stream: %s %s", a.status, a.body.String())
	}
	for i := range 3 {
		s.wantEvent(i+1, fmt.Sprint(i+1))
	}
	h.post("/sse", formType, true) // no body at all
	w.await("an answer", func() bool { h.pump(); return h.answers[h.number].ended })
	if a := h.answers[h.number]; a.status != "422" {
		t.Errorf("without a body: %s %s", a.status, a.body.String())
	}
	w.check()
}

// A publisher who is held back gets no more window for its stream, and others of its connection go on.
func TestAPublisherWhoIsHeldBackOverHTTP2(t *testing.T) {
	t.Parallel()
	w := postWorld(t, nil)
	w.pace.Store(1)
	h := w.connectH2()
	h.post("/sse?to=a", "text/event-stream", false)
	stream := h.number
	event := "data: " + strings.Repeat("x", 990) + "\n\n"
	for range 60 { // within the window
		h.data(stream, event, false)
	}
	w.await("two events", func() bool { return w.hub.LastID().Seq >= 2 })
	w.pace.Store(0)
	h.data(stream, event, true)
	w.await("the answer", func() bool { h.pump(); return h.answers[stream].ended })
	if a := h.answers[stream]; a.status != "200" || !strings.Contains(a.body.String(), `"published":61`) {
		t.Errorf("got %s %s", a.status, a.body.String())
	}
	// A stream that is reset gives back what nobody has taken.
	for range 20 {
		h.post("/sse?to=a", "text/plain", false)
		h.data(h.number, strings.Repeat("x", 16<<10), false)
		h.must(h.write.WriteRSTStream(h.number, xhttp2.ErrCodeCancel))
		h.flush()
	}
	w.await("their end", func() bool { return w.srv.posts.inWork() == 0 })
	h.post("/sse?to=a", "text/plain", false)
	h.data(h.number, strings.Repeat("x", 16<<10), true)
	w.await("the answer", func() bool { h.pump(); return h.answers[h.number].ended })
	if h.goAway != nil {
		t.Errorf("the connection was ended: %v", *h.goAway)
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

// A publisher may send as many requests and frames as it likes, since each of them is wanted.
func TestAPublisherOverHTTP2IsNoFlood(t *testing.T) {
	t.Parallel()
	w := postWorld(t, nil)
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
	w.await("the answer", func() bool { h.pump(); return h.answers[stream].ended })
	if a := h.answers[stream]; !strings.Contains(a.body.String(), `"published":3000`) {
		t.Errorf("got %s %s", a.status, a.body.String())
	}
	for range 2000 {
		h.post("/sse", formType, false)
		h.must(h.write.WriteData(h.number, false, []byte("to=a&data=x")))
		h.data(h.number, "", true)
		w.await("the answer", func() bool { h.pump(); return h.answers[h.number].ended })
		delete(h.answers, h.number-20)
	}
	if h.goAway != nil {
		t.Errorf("the connection was ended: %v", *h.goAway)
	}
}
