package edge

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"

	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/auth/authtest"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/reactor/reactortest"
)

func TestAnHTTP2StreamResumes(t *testing.T) {
	w := h2TestServer(t, nil)
	h := w.connectH2()
	a := h.subscribe("subscribe=a")
	w.publish("a", "one")
	h.pump()
	h.want(a, "open", "one")
	h.must(h.write.WriteRSTStream(1, xhttp2.ErrCodeCancel))
	h.flush()
	w.publish("a", "two")
	b := h.get("/sse?subscribe=a", "last-event-id", "e-1")
	h.want(b, "open", "two")
	w.check()
	if st := w.stats(); st.Closed["closed_by_peer"] != 1 || st.Streams != 1 {
		t.Errorf("closed %v, %d streams", st.Closed, st.Streams)
	}
}

func TestAKickEndsOneHTTP2Stream(t *testing.T) {
	w := h2TestServer(t, nil)
	h := w.connectH2()
	a, b := h.subscribe("subscribe=a&id=x"), h.subscribe("subscribe=a&id=y")
	if n := w.kick(Selection{ID: "x"}, 0); n != 1 {
		t.Errorf("%d were kicked", n)
	}
	w.publish("a", "hello")
	h.pump()
	h.want(a, "ended")
	if !strings.HasPrefix(a.body.String(), "retry: ") {
		t.Errorf("the last frame is %q", a.body.String())
	}
	h.want(b, "open", "hello")
	if st := w.stats(); st.Closed["kicked"] != 1 || st.Streams != 1 || st.Connections != 1 {
		t.Errorf("closed %v, %d streams", st.Closed, st.Streams)
	}
}

func TestHTTP2StreamsEndByAgeAndToken(t *testing.T) {
	k := authtest.NewKeys(t)
	w := h2TestServer(t, func(s *setup) { guardedBy(k)(s); s.edge.StreamAge = time.Minute })
	h := w.connectH2()
	soon, late := w.kernel.Now().Add(30*time.Second), w.kernel.Now().Add(time.Hour)
	a := h.subscribe("subscribe=a", "authorization", "Bearer "+k.Mint(soon, "", "a"))
	b := h.subscribe("subscribe=a", "authorization", "Bearer "+k.Mint(late, "", "a"))
	w.advance(31 * time.Second)
	h.pump()
	h.want(b, "open")
	if !strings.Contains(a.body.String(), "hasses.reauth") || a.state() != "ended" {
		t.Errorf("%s with %q", a.state(), a.body.String())
	}
	w.advance(time.Minute)
	h.pump()
	h.want(b, "ended")
	if st := w.stats(); st.Closed["token_ended"] != 1 || st.Closed["stream_aged"] != 1 {
		t.Errorf("closed %v", st.Closed)
	}
}

func TestHeartbeatsOfHTTP2StreamsShareARecord(t *testing.T) {
	w := h2TestServer(t, func(s *setup) { s.edge.HeartbeatInterval = 20 * time.Second })
	h := w.connectH2()
	for range 10 {
		h.subscribe("subscribe=a")
		w.advance(200 * time.Millisecond)
	}
	h.records = nil
	for range 60 {
		w.advance(time.Second)
		h.pump()
	}
	total := 0
	for _, n := range h.records {
		total += n
		if n != 10 {
			t.Errorf("heartbeats of %d streams came together, want 10", n)
		}
	}
	if total < 20 || total > 50 {
		t.Errorf("%d heartbeats in a minute", total)
	}
	w.check()
}

func TestAnHTTP2StreamWithoutAWindowIsSlowByItself(t *testing.T) {
	for policy, want := range map[hub.Policy]string{hub.Close: "CANCEL", hub.DropOldest: "open", hub.Latest: "open"} {
		t.Run(policy.String(), func(t *testing.T) {
			w := h2TestServer(t, func(s *setup) { s.hub.QueueBytes, s.hub.Slow = 2048, policy })
			h := w.connectH2()
			slow, good := h.subscribe("subscribe=a"), h.subscribe("subscribe=a")
			h.must(h.write.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 0}))
			h.must(h.write.WriteWindowUpdate(3, 1<<20))
			h.flush()
			h.mute = true
			for i := range 100 {
				w.publish("a", fmt.Sprintf("%0100d", i))
				h.pump()
				w.check()
			}
			if n := len(good.events()); n != 100 {
				t.Fatalf("its neighbour got %d of 100 events", n)
			}
			if got := slow.state(); len(slow.events()) > 0 && want == "CANCEL" || got != want {
				t.Fatalf("the slow one is %s with %d events", got, len(slow.events()))
			}
			if want == "CANCEL" {
				if st := w.stats(); st.Closed["slow_client"] != 1 || st.Streams != 1 {
					t.Errorf("closed %v", st.Closed)
				}
				return
			}
			h.must(h.write.WriteWindowUpdate(1, 1<<20))
			h.flush()
			events := slow.events()
			if len(events) == 0 || events[len(events)-1] != fmt.Sprintf("%0100d", 99) {
				t.Errorf("after its window opened it got %d events", len(events))
			}
			w.check()
		})
	}
}

// A stream that has overflowed gets nothing of what comes afterwards: its client would take the
// last id for a proof that it has everything before.
func TestAnHTTP2StreamThatOverflowedGetsNothingMore(t *testing.T) {
	w := h2TestServer(t, func(s *setup) { s.hub.QueueBytes = 2048 })
	h := w.connectH2()
	a := h.subscribe("subscribe=a")
	h.mute = true
	h.must(h.write.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 0}))
	h.flush()
	for i := range 30 {
		w.enqueue("a", fmt.Sprintf("%0100d", i))
	}
	w.enqueue("a", "short") // there is room for that
	reactortest.Turn(t, 1, w.loops...)
	h.must(h.write.WriteWindowUpdate(1, 1<<20)) // before the stream is reset
	h.flush()
	if got := a.state(); got != "CANCEL" || len(a.events()) > 0 {
		t.Errorf("the stream is %s with %d events", got, len(a.events()))
	}
	if st := w.stats(); st.Closed["slow_client"] != 1 {
		t.Errorf("closed %v", st.Closed)
	}
}

func TestAnEmptyWindowOfTheConnectionHoldsAllStreams(t *testing.T) {
	w := h2TestServer(t, nil)
	h := w.connectH2(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 1 << 20})
	a, b := h.subscribe("subscribe=a"), h.subscribe("subscribe=a")
	h.mute = true
	for range 6 {
		w.publish("a", strings.Repeat("x", 10_000))
		h.pump()
	}
	if got := a.body.Len() + b.body.Len(); got > 65_535 || got < 60_000 {
		t.Fatalf("%d bytes came, the window is 65,535", got)
	}
	w.check()
	h.must(h.write.WriteWindowUpdate(0, 1<<20))
	h.flush()
	if len(a.events()) != 6 || len(b.events()) != 6 {
		t.Errorf("%d and %d events", len(a.events()), len(b.events()))
	}
	w.check()
}

func TestEachHTTP2RequestIsJudgedByItself(t *testing.T) {
	w := h2TestServer(t, nil)
	h := w.connectH2()
	good := h.subscribe("subscribe=a")
	long := strings.Repeat("x", 9000)
	for _, tt := range []struct {
		method, path string
		fields       []string
		status, code string
	}{
		{"GET", "/elsewhere", nil, "404", "not_found"},
		{"PUT", "/sse", nil, "405", "method_not_allowed"},
		{"GET", "/sse", nil, "400", "missing_rooms"},
		{"GET", "/sse?subscribe=a", []string{"cookie", long}, "431", "head_too_large"},
		{"GET", "/sse?subscribe=a", []string{"origin", "a", "origin", "b"}, "400", "bad_request"},
		{"HEAD", "/sse?subscribe=a", nil, "200", ""},
		{"OPTIONS", "/sse", nil, "204", ""},
	} {
		_, a := h.ask(tt.method, tt.path, true, tt.fields...)
		h.flush()
		if a.status != tt.status || a.state() != "ended" || !strings.Contains(a.body.String(), tt.code) || (a.body.Len() > 0) != (tt.code != "") {
			t.Errorf("%s %s: %s, %s, %q; want %s %s", tt.method, tt.path, a.status, a.state(), a.body.String(), tt.status, tt.code)
		}
		for _, name := range []string{"connection", "transfer-encoding"} {
			if a.fields[name] != "" {
				t.Errorf("%s %s: the answer has %s", tt.method, tt.path, name)
			}
		}
	}
	w.publish("a", "hello")
	h.pump()
	h.want(good, "open", "hello")
	w.check()
}

func TestABodyNobodyWantsEndsItsStreamAlone(t *testing.T) {
	w := h2TestServer(t, func(s *setup) { s.edge.Admission = admission.Limits{Penalties: admission.PenaltiesOn} })
	h := w.connectH2()
	good := h.subscribe("subscribe=a")
	id, a := h.ask("POST", "/sse?subscribe=a", false)
	h.flush()
	if a.status != "405" || a.state() != "ended" || a.body.Len() == 0 {
		t.Fatalf("%s, %s, %q", a.status, a.state(), a.body.String())
	}
	for range 4 {
		h.must(h.write.WriteData(id, false, make([]byte, 16_000)))
		h.flush()
	}
	w.advance(2 * time.Second)
	h.pump()
	if a.state() != "NO_ERROR" {
		t.Errorf("the client may send on: %s", a.state())
	}
	w.publish("a", "hello")
	h.pump()
	h.want(good, "open", "hello")
}

func TestMemoryIsShedByHTTP2Streams(t *testing.T) {
	w := h2TestServer(t, nil)
	h := w.connectH2()
	slow, good := h.subscribe("subscribe=a"), h.subscribe("subscribe=b")
	h.must(h.write.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 0}))
	h.flush()
	for range 10 {
		w.publish("a", strings.Repeat("x", 1000))
	}
	h.must(h.write.WriteWindowUpdate(3, 1000))
	h.flush()
	var n int
	w.do(func(ctx context.Context) (err error) {
		n, err = w.srv.Shed(ctx, 8)
		return err
	})
	w.publish("b", "hello")
	h.pump()
	if n != 1 || slow.state() != "CANCEL" {
		t.Errorf("%d were ended, the slow one is %s", n, slow.state())
	}
	h.want(good, "open", "hello")
	if st := w.stats(); st.Closed["memory_shed"] != 1 {
		t.Errorf("closed %v", st.Closed)
	}
}
