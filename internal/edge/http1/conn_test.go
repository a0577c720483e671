package http1

import (
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/edge/exchange"
)

// text is a body that has some text to send.
type text struct{ left string }

func (b *text) Payload(dst []byte, limit int) []byte {
	n := min(len(b.left), limit)
	dst = append(dst, b.left[:n]...)
	b.left = b.left[n:]
	return dst
}

// written returns all records that there are now.
func written(t *testing.T, c *Conn, body string) string {
	t.Helper()
	b := &text{body}
	var out strings.Builder
	buf := make([]byte, ChunkHead, RecordMax)
	for {
		p := c.NextRecord(buf, b)
		if p == nil {
			return out.String()
		}
		if len(p) > RecordMax {
			t.Fatalf("a record of %d bytes", len(p))
		}
		out.Write(p)
	}
}

const getA = "GET /sse?subscribe=a HTTP/1.1\r\nHost: h\r\n\r\n"

var someLimits = Limits{RequestBytes: 1000}

// receive hands p over as a carrier does, and returns the kinds of the events.
func receive(c *Conn, p string, l Limits) (kinds []EventKind) {
	rest := []byte(p)
	for len(rest) > 0 {
		var ev Event
		if ev, rest = c.Receive(rest, l); ev.Kind != EventNone {
			kinds = append(kinds, ev.Kind)
		}
	}
	return kinds
}

func TestAStreamIsChunked(t *testing.T) {
	var c Conn
	if got := receive(&c, getA, someLimits); len(got) != 1 || got[0] != EventRequest {
		t.Fatalf("events %v", got)
	}
	c.StartStream(false, true, []exchange.Field{{Name: "X", Value: "y"}}, []byte("first"))
	if c.Idle() || c.Unwritten() == 0 {
		t.Error("nothing waits")
	}
	const head = "HTTP/1.1 200 OK\r\nX: y\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nfirst\r\n"
	if got := written(t, &c, "hello"); got != head+"5\r\nhello\r\n" {
		t.Errorf("got %q", got)
	}
	c.EndStream([]byte("bye"))
	if got := written(t, &c, "rest"); got != "4\r\nrest\r\n3\r\nbye\r\n0\r\n\r\n" {
		t.Errorf("at the end: %q", got)
	}
	if !c.Idle() || c.Unwritten() != 0 {
		t.Error("something still waits")
	}
}

func TestAStreamOfHTTP10IsNot(t *testing.T) {
	var c Conn
	c.StartStream(true, false, nil, []byte("first"))
	c.EndStream([]byte("bye"))
	if got := written(t, &c, "hello"); got != "HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nfirsthellobye" {
		t.Errorf("got %q", got)
	}
}

func TestALongBodyIsCutIntoRecords(t *testing.T) {
	var c Conn
	c.StartStream(false, true, nil, nil)
	written(t, &c, "")
	long := strings.Repeat("x", 3*RecordMax)
	got := written(t, &c, long)
	if n := strings.Count(got, "x"); n != len(long) || !strings.HasPrefix(got, "3ff8\r\n") {
		t.Errorf("%d bytes of %d: %.20q…", n, len(long), got)
	}
}

func TestDeferIsAStreamThatEnds(t *testing.T) {
	var c Conn
	c.Defer(false, nil, []byte("later"))
	want := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nlater\r\n0\r\n\r\n"
	if got := written(t, &c, ""); got != want {
		t.Errorf("got %q", got)
	}
	var old Conn
	old.Defer(true, nil, []byte("later"))
	if got := written(t, &old, ""); got != "HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nlater" {
		t.Errorf("HTTP/1.0: %q", got)
	}
}

func TestAnotherRequestFollowsTheFirstResponse(t *testing.T) {
	again := Limits{RequestBytes: 1000, Again: true}
	for cut := range len(getA) + 1 {
		var c Conn
		receive(&c, getA, again)
		c.StartStream(false, false, nil, nil)
		kinds := append(receive(&c, getA[:cut], again), receive(&c, getA[cut:]+"more", again)...)
		if len(kinds) != 1 || kinds[0] != EventNext || !c.NextReady() {
			t.Fatalf("cut at %d: events %v", cut, kinds)
		}
		ev, rest := c.Next()
		if ev.Kind != EventRequest || ev.Request.RawQuery != "subscribe=a" || string(rest) != "more" || c.NextReady() {
			t.Fatalf("cut at %d: %+v, %q", cut, ev, rest)
		}
		written(t, &c, "")
		c.StartStream(false, false, nil, nil)
		if got := written(t, &c, ""); !strings.HasPrefix(got, "0\r\n\r\nHTTP/1.1 200 OK\r\n") {
			t.Fatalf("cut at %d: %q", cut, got)
		}
	}
}

func TestAnAnswerEndsTheStreamBeforeIt(t *testing.T) {
	var c Conn
	c.StartStream(false, false, nil, nil)
	written(t, &c, "")
	c.Answer(nil, exchange.Malformed("no"))
	if got := written(t, &c, ""); got != "0\r\n\r\nHTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n" {
		t.Errorf("got %q", got)
	}
	if kinds := receive(&c, getA, someLimits); kinds != nil {
		t.Errorf("after the last response: events %v", kinds)
	}
}

func TestAClientThatHasNothingToSayMaySayLittle(t *testing.T) {
	for _, l := range []Limits{someLimits, {RequestBytes: 1000, Again: true}} {
		var c Conn
		if limit := c.ReadLimit(l); limit != readMax {
			t.Errorf("a read before the request takes %d", limit)
		}
		c.StartStream(false, true, nil, nil)
		if got, want := c.ReadLimit(l), l.stream()+1; got != want {
			t.Errorf("a read takes %d, want %d", got, want)
		}
		c.Took(l.stream())
		if c.IsExcessive(l) || c.ReadLimit(l) != 1 {
			t.Error("as much as allowed is too much")
		}
		c.Took(1)
		if !c.IsExcessive(l) {
			t.Error("a byte more is not too much")
		}
		c.End()
		if c.IsExcessive(l) || c.ReadLimit(l) != -1 {
			t.Error("what comes after the end counts")
		}
	}
}

// Before the request only time bounds what comes: the count must not wrap around and allow more.
func TestInputDoesNotOverflow(t *testing.T) {
	var c Conn
	for range 3 {
		c.Took(1 << 31)
		addTo(&c.said, 1<<31)
	}
	if c.input < 0 || c.said < 0 {
		t.Errorf("counted %d and %d", c.input, c.said)
	}
}

func TestAnOverlongHeadIsRefused(t *testing.T) {
	var c Conn
	ev, _ := c.Receive([]byte("GET /"+strings.Repeat("x", 2000)), someLimits)
	if ev.Kind != EventRefused || ev.Refusal.Status != 414 {
		t.Errorf("got %+v", ev)
	}
}
