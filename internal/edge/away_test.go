package edge

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/sse"
)

// followedElsewhere makes a test server whose log others follow, too.
func followedElsewhere(s *setup) { s.hub.IsShared = true }

// apply lets the hub have a record of any number, as a log elsewhere does.
func (w *testServer) apply(seq uint64, data string) {
	w.t.Helper()
	d, err := eventlog.NewDraft(eventlog.Message{To: []names.Target{{Kind: names.Room, Name: "a"}}, Event: sse.Event{Data: data}})
	if err != nil {
		w.t.Fatal(err)
	}
	if !w.hub.Apply(d.Record(d.Encode(), sse.ID{Epoch: "e", Seq: seq}, w.kernel.Now(), nil)) {
		w.t.Fatal("no room")
	}
	w.turn()
}

func TestAClientThatIsAheadIsLetWaitForFiveSeconds(t *testing.T) {
	w := newTestServer(t, followedElsewhere)
	w.apply(7, "one")
	inTime, inVain := w.connect(), w.connect()
	inTime.get("/sse?subscribe=a", "Last-Event-ID: e-9")
	inVain.get("/sse?subscribe=a", "Last-Event-ID: e-99")
	for _, c := range []*client{inTime, inVain} {
		c.want(`HTTP/1.1 200 OK\r\n(.+\r\n)*\r\n`)
	}
	inTime.want(`[0-9a-f]+\r\nretry: \d+\nid: e-9\n\n\r\n`)
	inVain.want(`[0-9a-f]+\r\nretry: \d+\nid: e-99\n\n\r\n`)
	w.apply(8, "two")
	w.apply(10, "three")
	inTime.wantEvent(10, "three")
	w.advance(4 * time.Second)
	inVain.wantNothing()
	w.advance(3 * time.Second)
	inVain.want(`[0-9a-f]+\r\nretry: \d+\n\n\r\n0\r\n\r\n`)
	inVain.wantEnd()
	inTime.wantNothing()
	if got := w.stats().Closed["log_behind"]; got != 1 {
		t.Errorf("log_behind: %d", got)
	}
}

func TestAClientThatIsAheadOverHTTP2(t *testing.T) {
	w := h2TestServer(t, followedElsewhere)
	w.apply(7, "one")
	h := w.connectH2()
	good := h.get("/sse?subscribe=a&lastEventId=e-8")
	late := h.get("/sse?subscribe=a&lastEventId=e-99")
	w.apply(8, "two")
	w.apply(9, "three")
	w.advance(8 * time.Second)
	h.pump()
	if a := late; !a.ended || !strings.HasSuffix(a.body.String(), "\n\n") || strings.Count(a.body.String(), "retry:") != 2 {
		t.Errorf("ahead in vain: ended %t, %q", a.ended, a.body.String())
	}
	if a := good; a.ended || strings.Contains(a.body.String(), "two") || !strings.Contains(a.body.String(), "three") {
		t.Errorf("ahead in time: ended %t, %q", a.ended, a.body.String())
	}
}

// An epoch that has begun elsewhere begins here in a moment.
func TestAClientOfALaterEpochComesBack(t *testing.T) {
	w := newTestServer(t, followedElsewhere)
	c := w.connect()
	c.get("/sse?subscribe=a", "Last-Event-ID: f-9")
	c.want(`HTTP/1.1 200 OK\r\n(.+\r\n)*\r\n`)
	c.want(`[0-9a-f]+\r\nretry: \d+\n\n\r\n0\r\n\r\n`)
	c.wantEnd()
	if got := w.stats().Refused["log"]; got != 1 {
		t.Errorf("refused for the log: %d", got)
	}
	w.hub.Rebase(sse.ID{Epoch: "f", Seq: 9})
	c = w.connect()
	c.get("/sse?subscribe=a", "Last-Event-ID: f-9")
	c.want(`HTTP/1.1 200 OK\r\n(.+\r\n)*\r\n`)
	c.want(`[0-9a-f]+\r\nretry: \d+\nid: f-9\n\n\r\n`)
}

func TestStreamsAreDeferredAndSentAwayWhileTheLogIsOutOfReach(t *testing.T) {
	w := newTestServer(t, func(s *setup) { followedElsewhere(s); s.loops = 2 })
	var open []*client
	for range 5 {
		open = append(open, w.subscribe("subscribe=a"))
	}
	w.srv.DeferStreams(true)
	c := w.connect()
	c.get("/sse?subscribe=a")
	c.want(`HTTP/1.1 200 OK\r\n(.+\r\n)*\r\n`)
	c.want(`[0-9a-f]+\r\nretry: \d+\n\n\r\n0\r\n\r\n`)
	c.wantEnd()
	w.apply(7, "one")
	for _, c := range open {
		c.wantEvent(7, "one")
	}
	sent := 0
	for range 20 {
		w.do(func(ctx context.Context) error {
			n, err := w.srv.SendAway(ctx, 2)
			if n > 2 {
				t.Errorf("%d streams are sent away at once", n)
			}
			sent += n
			return err
		})
	}
	for _, c := range open {
		c.want(`[0-9a-f]+\r\nretry: \d+\n\n\r\n0\r\n\r\n`)
		c.wantEnd()
	}
	if got := w.stats(); sent != 5 || got.Closed["log_lost"] != 5 {
		t.Errorf("%d sent away, %d counted", sent, got.Closed["log_lost"])
	}
	w.srv.DeferStreams(false)
	w.subscribe("subscribe=a")
}

func TestAllStreamsMayBeSentAwayAtOnce(t *testing.T) {
	w := newTestServer(t, func(s *setup) { followedElsewhere(s); s.loops = 2 })
	for range 5 {
		w.subscribe("subscribe=a")
	}
	w.do(func(ctx context.Context) error {
		n, err := w.srv.SendAway(ctx, math.MaxInt)
		if n != 5 {
			t.Errorf("%d of 5 streams are sent away", n)
		}
		return err
	})
}
