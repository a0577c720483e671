package edge

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/edge/http1"
)

func TestInputIsCutAtItsBudget(t *testing.T) {
	for _, piece := range []int{1, 100, http1.InputBudget} {
		w := newTestServer(t, nil)
		c := w.subscribe("subscribe=a")
		for sent := 0; sent < http1.InputBudget; {
			n := min(piece, http1.InputBudget-sent)
			c.Send([]byte(strings.Repeat("x", n)))
			sent += n
		}
		w.turn()
		w.publish("a", "still here")
		c.wantEvent(1, "still here")
		c.Send([]byte("x"))
		w.turn()
		c.wantGone()
		if st := w.stats(); st.Closed["excess_input"] != 1 {
			t.Errorf("pieces of %d: closed %v", piece, st.Closed)
		}
		w.check()
	}
}

// What comes in one piece with the request counts, and of a flood no more is taken than shows that
// it is one.
func TestInputBehindTheRequestCounts(t *testing.T) {
	head := "GET /sse?subscribe=a HTTP/1.1\r\nHost: h\r\n\r\n"
	for extra, isCut := range map[int]bool{http1.InputBudget: false, http1.InputBudget + 1: true, 1 << 20: true} {
		w := newTestServer(t, nil)
		c := w.connect()
		c.Send([]byte(head + strings.Repeat("x", extra)))
		w.turn()
		if closed, _ := c.Closed(); closed != isCut {
			t.Errorf("%d bytes behind the request: cut %t, want %t", extra, closed, isCut)
		}
		if n := c.Unread(); isCut && n < extra-2*readBufSize-http1.InputBudget {
			t.Errorf("%d of %d bytes are left: the flood was taken", n, extra)
		}
	}
}

func TestSecondRequestsHaveABoundOfTheirOwn(t *testing.T) {
	w := newTestServer(t, func(s *setup) { s.reinit = true })
	c := w.subscribe("subscribe=a")
	// A head as long as it may be, behind as much as may be said anyway.
	long := "GET /sse?subscribe=b HTTP/1.1\r\nHost: h\r\nX: "
	c.Send([]byte(long + strings.Repeat("x", 8<<10-len(long)-4) + "\r\n\r\n"))
	w.turn()
	c.want(`0\r\n\r\nHTTP/1\.1 200 OK\r\n(.+\r\n)*\r\n[0-9a-f]+\r\nretry: \d+\nid: e-0\n\n\r\n`)
	c.Send([]byte(long)) // the next one has the whole budget again
	w.turn()
	w.publish("b", "x")
	c.wantEvent(1, "x")
	c.Send([]byte(strings.Repeat("x", 8<<10)))
	w.turn()
	c.want(`0\r\n\r\nHTTP/1\.1 431 `)
}

func TestSecondRequestsAreLimitedInNumber(t *testing.T) {
	w := newTestServer(t, func(s *setup) { s.reinit = true })
	c := w.subscribe("subscribe=a")
	for i := range reinitBurst {
		c.get(fmt.Sprintf("/sse?subscribe=room%d", i))
		if got := c.received(); !strings.Contains(got, "HTTP/1.1 200 OK") {
			t.Fatalf("request %d: %q", i, got)
		}
		c.got.Reset()
	}
	w.advance(3 * reinitEvery)
	for i := range 4 {
		c.get(fmt.Sprintf("/sse?subscribe=late%d", i))
	}
	if got := strings.Count(c.received(), "HTTP/1.1 200 OK"); got != 3 {
		t.Errorf("%d requests were served in 3 s, want 3", got)
	}
	if !c.Ended() {
		t.Error("the stream goes on")
	}
	c.Close()
	w.advance(time.Second)
	if st := w.stats(); st.Closed["excess_input"] != 1 {
		t.Errorf("closed: %v", st.Closed)
	}
}

// What comes before a request is not part of it, but it came in the same records.
func TestBlankLinesBeforeARequestCountAgainstItsBound(t *testing.T) {
	const bound = 1 << 10
	request := "GET /sse?subscribe=a HTTP/1.1\r\nHost: h\r\n\r\n"
	tests := []struct {
		name   string
		pieces []string
		ok     bool
	}{
		{"none", []string{request}, true},
		{"one", []string{"\r\n" + request}, true},
		{"up to the bound", []string{strings.Repeat("\r\n", (bound-len(request))/2) + request}, true},
		{"over it", []string{strings.Repeat("\r\n", (bound-len(request))/2+1) + request}, false},
		{"alone", []string{strings.Repeat("\r\n", bound/2)}, true},
		{"in pieces", []string{strings.Repeat("\r\n", bound/4), strings.Repeat("\r\n", bound/4), request}, false},
		{"one by one", append(slices.Repeat([]string{"\r", "\n"}, bound/2), request), false},
		{"sixteen thousand", []string{strings.Repeat("\r\n", 8000) + request}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newTestServer(t, func(s *setup) { s.edge.RequestBytes = bound })
			c := w.connect()
			for _, piece := range tt.pieces {
				c.Send([]byte(piece))
				w.turn()
			}
			switch got := c.received(); {
			case tt.name == "alone":
				c.wantNothing()
			case tt.ok:
				c.want(`HTTP/1.1 200 OK\r\n`)
			default:
				if !strings.HasPrefix(got, "HTTP/1.1 431 ") || !c.Ended() {
					t.Errorf("got %.60q, ended %v; want 431 and the end", got, c.Ended())
				}
			}
			w.check()
		})
	}
}
