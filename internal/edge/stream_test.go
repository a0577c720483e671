package edge

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/hub"
)

func TestStreamBeginsWithRetryAndIDThenGetsEvents(t *testing.T) {
	w := newTestServer(t, nil)
	c := w.connect()
	c.get("/sse?subscribe=room624-room7&id=x")
	c.want(`HTTP/1\.1 200 OK\r\nContent-Type: text/event-stream\r\n(.+\r\n)*Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n`)
	c.want(`[0-9a-f]+\r\nretry: \d+\nid: e-0\n\n\r\n`)
	w.publish("room624", "hello")
	c.wantEvent(1, "hello")
	w.publish("elsewhere", "not for us")
	c.wantNothing()
	w.publish("room*", "both rooms, once")
	c.wantEvent(3, "both rooms, once")
	w.check()
	c.Close()
	w.turn()
	c.wantGone()
	if st := w.stats(); st.Closed["closed_by_peer"] != 1 || st.Connections != 0 || st.StreamsOpened != 1 || st.Deliveries != 2 {
		t.Errorf("stats after the stream: %+v", st)
	}
}

func TestRequestMayComeInAnyPieces(t *testing.T) {
	w := newTestServer(t, nil)
	head := "GET /sse?subscribe=a HTTP/1.1\r\nHost: localhost\r\n\r\n"
	for cut := 1; cut < len(head); cut++ {
		c := w.connect()
		c.Send([]byte(head[:cut]))
		w.turn()
		c.wantNothing()
		c.Send([]byte(head[cut:]))
		w.turn()
		c.want(`HTTP/1\.1 200 OK`)
		c.Close()
	}
	c := w.connect()
	for i := range len(head) {
		c.Send([]byte(head[i : i+1]))
		w.turn()
	}
	c.want(`HTTP/1\.1 200 OK`)
	w.check()
}

func TestAnswerComesThroughASocketThatTakesOneByteAtATime(t *testing.T) {
	w := newTestServer(t, nil)
	c := w.connect()
	c.Throttle(1, 1)
	c.get("/sse?subscribe=a")
	for range 100 {
		w.turn()
	}
	w.publish("a", strings.Repeat("x", 400))
	for range 100 {
		w.turn()
	}
	if got := c.received(); strings.Count(got, "x") < 400 {
		t.Fatalf("got %d bytes of the event", strings.Count(got, "x"))
	}
}

func TestHTTP10StreamIsNotChunkedAndEndsWithTheConnection(t *testing.T) {
	w := newTestServer(t, nil)
	c := w.connect()
	c.Send([]byte("GET /sse?subscribe=a HTTP/1.0\r\n\r\n"))
	w.turn()
	c.want(`HTTP/1\.0 200 OK\r\n(.+\r\n)*Connection: close\r\n\r\nretry: \d+\nid: e-0\n\n`)
	w.publish("a", "plain")
	c.want(`id: e-1\ndata: plain\n\n`)
	w.kick(Selection{Room: "a"}, 0)
	c.want(`retry: \d+\n\n`)
	c.wantEnd()
}

func TestErrorsAreAnsweredAndClosed(t *testing.T) {
	for _, tc := range []struct{ name, request, want, closed, refused string }{
		{"no rooms", "GET /sse HTTP/1.1\r\nHost: h\r\n\r\n", `HTTP/1\.1 400 `, "answered", "bad_rooms"},
		{"bad room", "GET /sse?room=a%00 HTTP/1.1\r\nHost: h\r\n\r\n", `HTTP/1\.1 400 `, "answered", "bad_rooms"},
		{"elsewhere", "GET /x HTTP/1.1\r\nHost: h\r\n\r\n", `HTTP/1\.1 404 `, "answered", "bad_request"},
		{"method", "POST /sse HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", `HTTP/1\.1 405 .*\r\n(.+\r\n)*Allow: GET, HEAD, OPTIONS\r\n`, "answered", "bad_request"},
		{"garbage", "\x16\x03\x01 \r\n\r\n", `HTTP/1\.1 400 `, "answered", "bad_request"},
		{"too long a line", "GET /" + strings.Repeat("a", 9000), `HTTP/1\.1 414 `, "answered", "bad_request"},
		{"too long a head", "GET / HTTP/1.1\r\nX: " + strings.Repeat("a", 9000), `HTTP/1\.1 431 `, "answered", "bad_request"},
		{"head", "HEAD /sse?subscribe=a HTTP/1.1\r\nHost: h\r\n\r\n", `HTTP/1\.1 200 `, "answered", ""},
		{"options", "OPTIONS /sse HTTP/1.1\r\nHost: h\r\n\r\n", `HTTP/1\.1 204 `, "answered", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newTestServer(t, nil)
			c := w.connect()
			c.Send([]byte(tc.request))
			w.turn()
			c.want(tc.want)
			c.got.Reset()
			c.wantEnd()
			st := w.stats()
			if st.Closed[tc.closed] != 1 {
				t.Errorf("closed: %v, want one %s", st.Closed, tc.closed)
			}
			if tc.refused != "" && st.Refused[tc.refused] != 1 {
				t.Errorf("refused: %v, want one %s", st.Refused, tc.refused)
			}
			w.check()
		})
	}
}

func TestPipelinedBytesBehindTheRequestAreNotASecondRequest(t *testing.T) {
	w := newTestServer(t, nil)
	c := w.connect()
	one := "GET /sse?subscribe=a HTTP/1.1\r\nHost: h\r\n\r\n"
	c.Send([]byte(one + one))
	w.turn()
	if got := c.received(); strings.Count(got, "HTTP/1.1 200") != 1 {
		t.Errorf("got %q", got)
	}
}

func TestSilentStreamGetsAHeartbeatABusyOneNone(t *testing.T) {
	w := newTestServer(t, func(s *setup) { s.edge.HeartbeatInterval = 10 * time.Second })
	c := w.subscribe("subscribe=a")
	w.advance(8 * time.Second)
	c.wantNothing()
	w.advance(4 * time.Second)
	c.want(`3\r\n:\n\n\r\n`)
	for range 6 { // an event every 5 seconds: never silent for long enough
		w.advance(5 * time.Second)
		w.publish("a", "x")
	}
	if got := c.received(); strings.Contains(got, "\n:\n") || strings.Count(got, "data: x") != 6 {
		t.Errorf("got %q", got)
	}
}

func TestHeartbeatMayBeAnEvent(t *testing.T) {
	w := newTestServer(t, func(s *setup) { s.edge.HeartbeatInterval, s.edge.HeartbeatEvent = time.Second, "ping" })
	c := w.subscribe("subscribe=a")
	w.advance(1500 * time.Millisecond)
	c.want(`[0-9a-f]+\r\nevent: ping\ndata:.*\n\n\r\n`)
}

func TestStreamEndsAtItsAge(t *testing.T) {
	w := newTestServer(t, func(s *setup) { s.edge.StreamAge = time.Minute })
	c := w.subscribe("subscribe=a")
	w.advance(50 * time.Second)
	c.wantNothing()
	w.advance(20 * time.Second)
	c.want(`[0-9a-f]+\r\nretry: \d+\n\n\r\n0\r\n\r\n`)
	c.wantEnd()
	if st := w.stats(); st.Closed["stream_aged"] != 1 {
		t.Errorf("closed: %v", st.Closed)
	}
}

func TestSilentClientIsCutAtTheRequestDeadline(t *testing.T) {
	w := newTestServer(t, nil)
	c := w.connect()
	c.Send([]byte("GET /sse"))
	w.advance(9 * time.Second)
	if closed, _ := c.Closed(); closed {
		t.Fatal("cut before the deadline")
	}
	w.advance(2 * time.Second)
	c.wantGone()
	if st := w.stats(); st.Closed["request_timeout"] != 1 {
		t.Errorf("closed: %v", st.Closed)
	}
}

func TestSlowClientIsClosedAndOthersAreNotDelayed(t *testing.T) {
	w := newTestServer(t, func(s *setup) { s.hub.QueueBytes = 4096 })
	slow, good := w.subscribe("subscribe=a"), w.subscribe("subscribe=a")
	slow.SetWindow(0)
	for i := range 100 {
		w.publish("a", fmt.Sprintf("%04d%s", i, strings.Repeat("x", 96)))
	}
	slow.wantGone()
	if got := len(good.events()); got != 100 {
		t.Errorf("the good client got %d of 100 events", got)
	}
	if st := w.stats(); st.Closed["slow_client"] != 1 || st.Connections != 1 {
		t.Errorf("stats: %+v", st)
	}
	w.check()
}

func TestSlowClientUnderDropOldestIsToldOfTheGap(t *testing.T) {
	w := newTestServer(t, func(s *setup) { s.hub.QueueBytes, s.hub.Slow = 2048, hub.DropOldest })
	slow := w.subscribe("subscribe=a")
	slow.SetWindow(0)
	for i := range 100 {
		w.publish("a", fmt.Sprintf("%0100d", i))
	}
	slow.SetWindow(1 << 20)
	w.turn()
	body := unchunk(t, slow.received())
	if !strings.Contains(body, "event: hasses.gap\n") {
		t.Errorf("no gap in %q", body)
	}
	if !strings.HasSuffix(body, fmt.Sprintf("id: e-100\ndata: %0100d\n\n", 99)) {
		t.Errorf("the newest event is not the last: %q", body)
	}
	w.check()
}

func TestFloodOfEventsIsNotTheClientsFault(t *testing.T) {
	// Far more than a queue holds comes in before the loop turns; the sockets take everything.
	w := newTestServer(t, func(s *setup) { s.hub.QueueBytes = 4096 })
	clients := []*client{w.subscribe("subscribe=a"), w.subscribe("subscribe=a")}
	for i := range 500 {
		w.enqueue("a", fmt.Sprintf("%d %s", i, strings.Repeat("x", 100)))
	}
	for range 50 {
		w.turn()
	}
	for _, c := range clients {
		got := c.events()
		if len(got) != 500 {
			t.Fatalf("got %d of 500 events", len(got))
		}
		for i, data := range got {
			if !strings.HasPrefix(data, fmt.Sprint(i)+" ") {
				t.Fatalf("event %d is %q", i, data)
			}
		}
	}
	w.check()
}

func TestHealthyClientIsNotSlowBecauseOfLargeMessages(t *testing.T) {
	w := newTestServer(t, nil)
	c := w.subscribe("subscribe=a")
	c.SetWindow(10 << 20)
	for range 4 {
		w.enqueue("a", strings.Repeat("x", 300<<10))
	}
	for range 50 {
		w.turn()
	}
	if got := c.events(); len(got) != 4 {
		t.Errorf("got %d of 4 events; %v", len(got), w.stats().Closed)
	}
}

func TestResumeBringsWhatWasMissedThenLive(t *testing.T) {
	w := newTestServer(t, nil)
	w.publish("a", "one")
	w.publish("b", "other room")
	w.publish("a", "two")
	c := w.connect()
	w.enqueue("a", "at the seam") // in the inbox when the stream subscribes
	c.get("/sse?subscribe=a", "Last-Event-ID: e-1")
	w.publish("a", "live")
	c.want(`HTTP/1\.1 200 OK\r\n(.+\r\n)*\r\n`)
	c.want(`[0-9a-f]+\r\nretry: \d+\nid: e-1\n\n\r\n`)
	if got, want := c.events(), []string{"two", "at the seam", "live"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestReplayLargerThanTheQueueArrivesWhole(t *testing.T) {
	w := newTestServer(t, func(s *setup) { s.hub.QueueBytes = 4096 })
	for i := range 900 {
		w.publish("a", fmt.Sprintf("%d %s", i, strings.Repeat("x", 200)))
	}
	c := w.connect()
	c.SetWindow(10_000)
	c.get("/sse?subscribe=a&lastEventId=e-0")
	var all strings.Builder
	for range 200 {
		all.Write(c.Received())
		w.turn()
	}
	body := all.String()
	if got := strings.Count(body, "data: "); got != 900 {
		t.Errorf("got %d of 900 events", got)
	}
	w.check()
}
