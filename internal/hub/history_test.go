package hub

import (
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/names"
)

func TestHistoryLimits(t *testing.T) {
	frame := int64(len("id: e-1\ndata: x\n\n") + len("a"))
	tests := []struct {
		name   string
		limits HistoryLimits
		want   int // events kept of 8, one a second, seen one second after the last
	}{
		{"everything", keepAll, 8},
		{"events", HistoryLimits{Events: 3, Bytes: 1 << 20, Age: time.Hour}, 3},
		{"bytes", HistoryLimits{Events: 100, Bytes: 4*frame + 1, Age: time.Hour}, 4},
		{"age", HistoryLimits{Events: 100, Bytes: 1 << 20, Age: 5 * time.Second}, 5},
		{"less than one event", HistoryLimits{Events: 100, Bytes: frame - 1, Age: time.Hour}, 0},
		{"no events", HistoryLimits{Events: 0, Bytes: 1 << 20, Age: time.Hour}, 0},
		{"no bytes", HistoryLimits{Events: 100, Bytes: 0, Age: time.Hour}, 0},
		{"no age", HistoryLimits{Events: 100, Bytes: 1 << 20, Age: 0}, 0},
		{"negative", HistoryLimits{Events: -1, Bytes: -1, Age: -1}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fill := func(limits HistoryLimits) *testHub {
				w := newTestHub(t, 1, Options{History: limits})
				for range 8 {
					w.publish("a", "x")
					w.now = w.now.Add(time.Second)
				}
				return w
			}
			w := fill(tt.limits)
			w.hub.Trim(w.now)
			if got := w.hub.Stats(w.now).HistoryEvents; got != tt.want {
				t.Errorf("kept %d events, want %d", got, tt.want)
			}
			reloaded := fill(keepAll)
			reloaded.hub.SetLimits(reloaded.now, tt.limits, 0, Close)
			if got := reloaded.hub.Stats(reloaded.now).HistoryEvents; got != tt.want {
				t.Errorf("kept %d events after SetLimits, want %d", got, tt.want)
			}
		})
	}
}

func TestHistoryIndexIsFreed(t *testing.T) {
	w := newTestHub(t, 0, Options{History: HistoryLimits{Events: 2, Bytes: 1 << 20, Age: time.Hour}})
	for _, to := range []string{"a", "b", "ab*", "abc*,abd*,x", "abc*", "*", "y"} {
		w.publish(to, "x")
		w.check()
	}
	if got := w.hub.history.targets(); got != 2 {
		t.Errorf("two events leave an index of %d targets", got)
	}
}

func TestHistoryAgeCountsFromPublishing(t *testing.T) {
	w := newTestHub(t, 1, Options{History: HistoryLimits{Events: 100, Bytes: 1 << 20, Age: time.Minute}})
	w.publish("a", "old")
	w.now = w.now.Add(time.Minute)
	w.publish("a", "new")
	w.deliver()
	c, _ := w.resume("a", "e-0")
	c.want("1 old", "2 new")
	w.now = w.now.Add(time.Nanosecond)
	c, _ = w.resume("a", "e-0") // nobody has called Trim
	c.want("gap e-0 to 1", "2 new")
}

func TestHistoryForgetsAMessageThatIsTooBig(t *testing.T) {
	w := newTestHub(t, 1, Options{History: HistoryLimits{Events: 100, Bytes: 100, Age: time.Hour}})
	w.publish("a", "1")
	w.publish("a", strings.Repeat("x", 200))
	w.publish("a", "3")
	w.deliver()
	c, _ := w.resume("a", "e-0")
	c.want("gap e-0 to 2", "3 3")
}

// targets is how many the index holds, in all generations.
func (h *history) targets() (n int) {
	for _, g := range h.index {
		n += len(g.targets)
		_, _ = g.prefixes.root.check(func(of ordinals) (int, error) {
			if len(of) > 0 {
				n++
			}
			return 0, nil
		})
	}
	return n
}

// burst publishes messages to a room of their own each.
func burst(w *testHub, messages int) {
	w.t.Helper()
	for m := range messages {
		if _, err := w.try(eventlog.Message{To: []names.Target{{Kind: names.Room, Name: itoa(m)}}}); err != nil {
			w.t.Fatal(err)
		}
	}
}

// Threat T30: whatever makes a burst leave the history, one hold of the lock works off a bounded
// part of it. What has left is gone at once for those who resume.
func TestT30ABurstLeavesTheHistoryAPartAtATime(t *testing.T) {
	const messages = 3 * sweepRecords
	tests := []struct {
		name string
		do   func(w *testHub)
		kept int // events: two that came behind the burst, and what is published here
	}{
		{"it becomes too old", func(w *testHub) { w.now = w.now.Add(30 * time.Second); w.hub.Trim(w.now) }, 2},
		{"somebody subscribes when it is too old", func(w *testHub) { w.now = w.now.Add(30 * time.Second); w.subscribe("x") }, 2},
		{"somebody publishes when it is too old", func(w *testHub) { w.now = w.now.Add(30 * time.Second); w.publish("x", "y") }, 3},
		{"memory is short", func(w *testHub) { w.hub.HalveHistory() }, messages / 2},
		{"other limits", func(w *testHub) {
			w.hub.SetLimits(w.now, HistoryLimits{Events: 2, Bytes: 1 << 30, Age: time.Minute}, 0, Close)
		}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newTestHub(t, 0, Options{History: HistoryLimits{Events: 2 * messages, Bytes: 1 << 30, Age: time.Minute}})
			burst(w, messages)
			w.shards = append(w.shards, w.hub.NewShard(func() {}))
			w.now = w.now.Add(31 * time.Second)
			w.publish("a", "first")
			w.publish("a", "last")
			h := &w.hub.history
			held := h.records.len()
			tt.do(w)
			w.deliver()
			if got := w.hub.Stats(w.now).HistoryEvents; got < tt.kept-tt.kept/20 || got > tt.kept+tt.kept/20 {
				t.Errorf("%d events are kept, want %d", got, tt.kept)
			}
			if swept := held - h.records.len(); swept > sweepRecords || h.left == 0 {
				t.Errorf("one call swept %d records away, and %d are left for others", swept, h.left)
			}
			w.check()
			c, start := w.resume("0 a", "e-1")
			if start.Gap == nil {
				t.Error("nobody is told that what followed the first event is gone")
			}
			if got := c.all(); len(got) != 3 || !strings.HasPrefix(got[0], "gap e-1") || got[2] != itoa(messages+2)+" last" {
				t.Errorf("resumed with %q", got)
			}
			for more := true; more; {
				held := h.records.len()
				more = w.hub.Trim(w.now)
				if swept := held - h.records.len(); swept > sweepRecords {
					t.Errorf("one Trim swept %d records away", swept)
				}
			}
			w.check()
			if h.left > 0 || h.targets() > h.len()+messages/generations+1 {
				t.Errorf("in the end %d records and %d targets are held for %d events", h.records.len(), h.targets(), h.len())
			}
		})
	}
}

// What has left the history must not pile up behind publishers, even if nobody calls Trim.
func TestPublishersSweepUpWhatTheyDisplace(t *testing.T) {
	w := newTestHub(t, 0, Options{History: HistoryLimits{Events: 1 << 20, Bytes: 1 << 20, Age: time.Hour}})
	burst(w, 5000)
	h := &w.hub.history
	for i := range 20 {
		w.publish("big", strings.Repeat("x", 300<<10))
		if h.left > 0 {
			t.Fatalf("after %d big messages, %d records that have left are still held", i+1, h.left)
		}
		if n := len(h.index); n > 3*generations+1 {
			t.Fatalf("the index has %d generations", n)
		}
		w.check()
	}
}

// The index of a history that is full all the time is given back as it goes on.
func TestIndexOfAFullHistoryIsBounded(t *testing.T) {
	const events = 1000
	for name, limits := range map[string]HistoryLimits{
		"events": {Events: events, Bytes: 1 << 30, Age: time.Hour},
		"bytes":  {Events: 1 << 30, Bytes: events * 22, Age: time.Hour}, // "id: e-1\ndata: \n\n" and the room's name
		"age":    {Events: 1 << 30, Bytes: 1 << 30, Age: events * time.Millisecond},
	} {
		w := newTestHub(t, 0, Options{History: limits})
		for i := range 5 * events {
			w.publish("room"+itoa(i), "")
			w.now = w.now.Add(time.Millisecond)
		}
		h := &w.hub.history
		if most := h.len() + h.len()/generations + 2; h.targets() > most || len(h.index) > generations+2 || h.len() < events/2 {
			t.Errorf("%s: %d events have %d targets in %d generations, want at most %d", name, h.len(), h.targets(), len(h.index), most)
		}
	}
}

func TestFirstTrue(t *testing.T) {
	for n := range 40 {
		for want := range n + 1 {
			if got := firstTrue(n, func(i int) bool { return i >= want }); got != want {
				t.Errorf("firstTrue(%d) = %d, want %d", n, got, want)
			}
		}
	}
}
