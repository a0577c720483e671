package edge

import (
	"fmt"
	"strings"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"

	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/reactor/reactortest"
)

// h2Attack holds that a flood ends its connection with ENHANCE_YOUR_CALM after at most so many
// rounds, that this is counted and an violation, and that a good connection hears everything
// meanwhile.
func h2Attack(t *testing.T, most int, round func(h *h2client)) {
	t.Helper()
	w := h2TestServer(t, func(s *setup) { s.edge.Admission = admission.Limits{Penalties: admission.PenaltiesOn} })
	good := w.connectFrom("198.51.100.9").speakH2()
	stream := good.subscribe("subscribe=a")
	one := w.connectFrom("198.51.100.8")
	one.get("/sse?subscribe=a")
	h := w.connectH2()
	rounds := 0
	for ; rounds <= most && h.goAway == nil; rounds++ {
		round(h)
		h.flush()
	}
	if rounds > most {
		t.Fatalf("the connection lives on after %d rounds", rounds)
	}
	h.wantGoAway(xhttp2.ErrCodeEnhanceYourCalm)
	h.Close()
	w.turn()
	h.wantGone()
	w.publish("a", "hello")
	good.pump()
	good.want(stream, "open", "hello")
	if !strings.Contains(one.received(), "data: hello\n") {
		t.Error("a stream of HTTP/1 did not get the event")
	}
	if st := w.stats(); st.Closed["http2_flood"] == 0 || st.Streams != 2 {
		t.Errorf("closed %v, %d streams", st.Closed, st.Streams)
	}
	if n := w.limits().Admission.Violations[admission.ProtocolBroken.String()]; n != 1 {
		t.Errorf("%d violations, want 1", n)
	}
	w.check()
}

func TestT31RapidReset(t *testing.T) {
	h2Attack(t, 300, func(h *h2client) {
		id, _ := h.ask("GET", "/sse?subscribe=b", true)
		h.must(h.write.WriteRSTStream(id, xhttp2.ErrCodeCancel))
	})
}

// TestT31ResetAfterTheAnswer: to wait for the first frame of a stream makes its reset cheaper, and
// not free.
func TestT31ResetAfterTheAnswer(t *testing.T) {
	h2Attack(t, 1200, func(h *h2client) {
		h.mute = true
		id, _ := h.ask("GET", "/sse?subscribe=b", true)
		h.flush()
		h.must(h.write.WriteRSTStream(id, xhttp2.ErrCodeCancel))
	})
}

func TestT31MadeYouReset(t *testing.T) {
	h2Attack(t, 200, func(h *h2client) {
		id, _ := h.ask("GET", "/sse?subscribe=b", true)
		h.must(h.write.WriteWindowUpdate(id, 0))
	})
}

func TestT31StreamsOverTheBound(t *testing.T) {
	h2Attack(t, 400, func(h *h2client) { h.ask("GET", "/sse?subscribe=b", true) })
}

func TestT32ContinuationFlood(t *testing.T) {
	h2Attack(t, 20, func(h *h2client) {
		if h.number == 0 {
			h.number = 1
			h.must(h.write.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1}))
		}
		h.must(h.write.WriteContinuation(1, false, nil))
	})
}

func TestT32FramesThatCostWork(t *testing.T) {
	for name, frame := range map[string]func(h *h2client) error{
		"SETTINGS":      func(h *h2client) error { return h.write.WriteSettings() },
		"PING":          func(h *h2client) error { return h.write.WritePing(false, [8]byte{}) },
		"PRIORITY":      func(h *h2client) error { return h.write.WritePriority(1, xhttp2.PriorityParam{StreamDep: 3}) },
		"WINDOW_UPDATE": func(h *h2client) error { return h.write.WriteWindowUpdate(0, 1) },
		"unknown":       func(h *h2client) error { return h.write.WriteRawFrame(0x20, 0, 0, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			h2Attack(t, 40, func(h *h2client) {
				for range 50 {
					h.must(frame(h))
				}
			})
		})
	}
}

func TestT32EmptyData(t *testing.T) {
	h2Attack(t, 40, func(h *h2client) {
		if h.number == 0 {
			h.ask("POST", "/sse?subscribe=b", false)
		}
		for range 50 {
			h.must(h.write.WriteData(1, false, nil))
		}
	})
}

func TestT32HeaderBombs(t *testing.T) {
	bomb := strings.Repeat("x", 9000)
	h2Attack(t, 300, func(h *h2client) { h.ask("GET", "/sse?subscribe=b", true, "x", bomb) })
}

// TestT33WindowsHeldAtZero: what waits for a client that never opens its windows is bounded by the
// queue of each stream, and given up when the policy says so.
func TestT33WindowsHeldAtZero(t *testing.T) {
	w := h2TestServer(t, func(s *setup) { s.hub.QueueBytes = 2048 })
	good := w.connectH2()
	stream := good.subscribe("subscribe=a")
	h := w.connectH2(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 0})
	for range 100 {
		h.ask("GET", "/sse?subscribe=a", true)
	}
	h.flush()
	if n := w.stats().Streams; n != 101 {
		t.Fatalf("%d streams", n)
	}
	for range 40 {
		w.publish("a", strings.Repeat("x", 100))
	}
	good.pump()
	h.pump()
	if n := len(stream.events()); n != 40 {
		t.Errorf("the good stream got %d of 40 events", n)
	}
	if st := w.stats(); st.Streams != 1 || st.Closed["slow_client"] != 100 {
		t.Errorf("%d streams are left, closed %v", st.Streams, st.Closed)
	}
	w.check()
}

// TestT33HalfFrames: a connection that says half of something is not kept longer than one that says
// nothing, and that is an violation.
func TestT33HalfFrames(t *testing.T) {
	for name, half := range map[string]func(h *h2client){
		"a preface": func(h *h2client) { h.out.WriteString(xhttp2.ClientPreface[:20]) },
		"a header": func(h *h2client) {
			h.out.WriteString(xhttp2.ClientPreface)
			h.out.Write([]byte{0, 0, 0})
		},
		"a frame": func(h *h2client) {
			h.begin()
			h.out.Write([]byte{0, 0, 8, 6, 0, 0, 0, 0, 0, 1})
		},
		"a head": func(h *h2client) {
			h.begin()
			h.must(h.write.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x82}}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := h2TestServer(t, func(s *setup) { s.edge.Admission = admission.Limits{Penalties: admission.PenaltiesOn} })
			h := newH2client(w.connect())
			half(h)
			h.flush()
			w.advance(11 * time.Second)
			h.pump()
			h.Close()
			w.turn()
			h.wantGone()
			if st := w.stats(); st.Closed["request_timeout"] != 1 {
				t.Errorf("closed %v", st.Closed)
			}
			if n := w.limits().Admission.Violations[admission.RequestTimeout.String()]; n != 1 {
				t.Errorf("%d violations, want 1", n)
			}
		})
	}
}

// TestAsksOfOneConnectionWaitForOthers: what one client asks at a time is shared out among turns,
// so that others get their events meanwhile. Nothing of it is lost, and nothing more is read
// before.
func TestAsksOfOneConnectionWaitForOthers(t *testing.T) {
	w := h2TestServer(t, nil)
	good := w.connectH2()
	stream := good.subscribe("subscribe=a")
	h := w.connectH2()
	const asked = 90
	for i := range asked {
		h.ask("GET", fmt.Sprintf("/sse?subscribe=b&id=x%d", i), true)
	}
	h.send()
	w.enqueue("a", "meanwhile")
	turns := 0
	for ; w.srv.Stats(w.kernel.Now()).Streams < 1+asked; turns++ {
		reactortest.Turn(w.t, 1, w.loops...)
		if turns == 1 {
			good.take(good.Received())
			good.want(stream, "open", "meanwhile")
		}
		if turns > 100 {
			t.Fatalf("%d streams after %d turns", w.srv.Stats(w.kernel.Now()).Streams, turns)
		}
	}
	if turns < 4 {
		t.Errorf("%d requests were served in %d turns", asked, turns)
	}
	w.check()
}

// TestManyConnectionsShareATurn: what many clients ask at a time has one budget, so that others get
// their events after few turns, each of which serves few requests. All are served in the end.
func TestManyConnectionsShareATurn(t *testing.T) {
	w := h2TestServer(t, nil)
	good := w.connectH2()
	stream := good.subscribe("subscribe=a")
	const clients, asked = 40, 90
	var all []*h2client
	for range clients {
		h := w.connectH2()
		for i := range asked {
			h.ask("GET", fmt.Sprintf("/sse?subscribe=b&id=x%d", i), true)
		}
		all = append(all, h)
	}
	for _, h := range all {
		h.send()
	}
	w.enqueue("a", "meanwhile")
	most := 0
	for turns, before := 0, 1; before < 1+clients*asked; turns++ {
		reactortest.Turn(w.t, 1, w.loops...)
		now := w.srv.Stats(w.kernel.Now()).Streams
		most, before = max(most, now-before), now
		if turns == 2 {
			good.take(good.Received())
			good.want(stream, "open", "meanwhile")
		}
		if turns > 1000 {
			t.Fatalf("%d streams after %d turns", now, turns)
		}
	}
	if most > 60 {
		t.Errorf("a turn has served %d requests, want 60 at most", most)
	}
	w.check()
}

// TestWhatInputHasWrittenIsOfItsBudget: frames that make little work have a record written each, if many
// clients send one at a time. A turn answers no more of them than its budget holds, and all are answered
// in the end.
func TestWhatInputHasWrittenIsOfItsBudget(t *testing.T) {
	w := h2TestServer(t, nil)
	var all []*h2client
	for range inputBudget {
		all = append(all, w.connectH2())
	}
	for _, h := range all {
		h.must(h.write.WritePing(false, [8]byte{1}))
		h.send()
	}
	most := 0
	for turns, answered := 0, 0; answered < len(all); turns++ {
		reactortest.Turn(w.t, 1, w.loops...)
		now := 0
		for _, h := range all {
			if len(h.Received()) > 0 {
				now++
			}
		}
		most, answered = max(most, now), answered+now
		if turns > 100 {
			t.Fatalf("%d of %d were answered", answered, len(all))
		}
	}
	// What is read, and what has waited, have a budget each.
	if limit := 2 * (inputBudget/workRecord + 1); most > limit {
		t.Errorf("a turn has answered %d clients, want %d at most", most, limit)
	}
	w.check()
}

// TestALookForMissedStreamsCosts: what was published while a client held the connection's window shut is
// looked for among all its streams, which counts like the records that it takes as long as.
func TestALookForMissedStreamsCosts(t *testing.T) {
	const streams = 10 * looksPerRecord
	w := h2TestServer(t, func(s *setup) { s.edge.StreamsPerConnection = streams })
	h := w.connectH2()
	h.mute = true
	for range streams {
		h.ask("GET", "/sse?subscribe=b", true)
		h.flush()
	}
	c := w.srv.workers[0].conns[0]
	if records := c.visit(); records != 1 {
		t.Errorf("a visit without a look has cost %d records", records)
	}
	for !c.h2.mux.IsShut() {
		w.publish("b", strings.Repeat("x", 1000))
	}
	w.publish("b", "missed")
	if records := c.visit(); !c.h2.mux.IsShut() || records != streams/looksPerRecord {
		t.Errorf("a visit that looks has cost %d records, want %d", records, streams/looksPerRecord)
	}
	w.check()
}
