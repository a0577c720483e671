package hub

import (
	"fmt"
	"strings"
	"testing"
	"time"
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
			fill := func(limits HistoryLimits) *world {
				w := newWorld(t, 1, Options{History: limits})
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
			reloaded.hub.SetLimits(reloaded.now, tt.limits, 0, Close, 0)
			if got := reloaded.hub.Stats(reloaded.now).HistoryEvents; got != tt.want {
				t.Errorf("kept %d events after SetLimits, want %d", got, tt.want)
			}
		})
	}
}

func TestHistoryIndexIsFreed(t *testing.T) {
	w := newWorld(t, 0, Options{History: HistoryLimits{Events: 2, Bytes: 1 << 20, Age: time.Hour}})
	for _, to := range []string{"a", "b", "ab*", "abc*,abd*,x", "abc*", "*", "y"} {
		w.publish(to, "x")
		w.check()
	}
	if h := &w.hub.history; h.index.len() != 2 || h.prefixes.n != 0 {
		t.Errorf("two events leave an index of %d targets and %d prefixes", h.index.len(), h.prefixes.n)
	}
}

func TestHistoryAgeCountsFromPublishing(t *testing.T) {
	w := newWorld(t, 1, Options{History: HistoryLimits{Events: 100, Bytes: 1 << 20, Age: time.Minute}})
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
	w := newWorld(t, 1, Options{History: HistoryLimits{Events: 100, Bytes: 100, Age: time.Hour}})
	w.publish("a", "1")
	w.publish("a", strings.Repeat("x", 200))
	w.publish("a", "3")
	w.deliver()
	c, _ := w.resume("a", "e-0")
	c.want("gap e-0 to 2", "3 3")
}

// burst publishes messages that have their own rooms each, and returns how many targets that were.
func burst(w *world, messages, rooms int) int {
	w.t.Helper()
	for m := range messages {
		var to []Target
		for r := range rooms {
			to = append(to, Target{Kind: ToRoom, Name: fmt.Sprintf("%d_%d", m, r)})
		}
		if _, err := w.hub.Publish(w.now, Message{To: to}); err != nil {
			w.t.Fatal(err)
		}
	}
	return messages * rooms
}

// Threat T30: whatever makes a burst leave the history, one hold of the lock works off a bounded part of it. What has left
// is gone at once for those who resume.
func TestT30ABurstLeavesTheHistoryAPartAtATime(t *testing.T) {
	const messages, rooms = 30, 1000
	tests := []struct {
		name string
		do   func(w *world)
		kept int // events, of the burst and two behind it
	}{
		{"it becomes too old", func(w *world) { w.now = w.now.Add(30 * time.Second); w.hub.Trim(w.now) }, 2},
		{"somebody subscribes when it is too old", func(w *world) { w.now = w.now.Add(30 * time.Second); w.subscribe("x") }, 2},
		{"somebody publishes when it is too old", func(w *world) { w.now = w.now.Add(30 * time.Second); w.publish("x", "y") }, 3},
		{"memory is short", func(w *world) {
			for range 5 {
				w.hub.HalveHistory()
			}
		}, 2},
		{"other limits", func(w *world) {
			w.hub.SetLimits(w.now, HistoryLimits{Events: 2, Bytes: 1 << 30, Age: time.Minute}, 0, Close, 0)
		}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 1, Options{History: HistoryLimits{Events: 1000, Bytes: 1 << 30, Age: time.Minute}})
			burst(w, messages, rooms)
			w.deliver()
			w.now = w.now.Add(31 * time.Second)
			w.publish("a", strings.Repeat("x", 10)) // outlives the burst
			w.publish("a", "last")
			h := &w.hub.history
			targets := func() int { return h.index.len() }
			before := targets()
			tt.do(w)
			if got := w.hub.Stats(w.now).HistoryEvents; got != tt.kept && tt.name != "memory is short" {
				t.Errorf("%d events are kept, want %d", got, tt.kept)
			}
			if swept := before - targets(); swept > sweepTargets+rooms {
				t.Errorf("one call swept %d targets away, more than %d", swept, sweepTargets)
			}
			if h.left == 0 {
				t.Error("nothing is left to sweep; the burst is too short for this test")
			}
			w.check()
			c, start := w.resume("0_0 a", "e-1")
			if start.Gap == nil {
				t.Error("nobody is told that what followed the first event is gone")
			}
			if got := c.all(); len(got) < 2 || got[len(got)-1] != itoa(messages+2)+" last" && tt.kept == 2 {
				t.Errorf("resumed with %q", got)
			}
			calls := 0
			for more := true; more; calls++ {
				before := targets()
				more = w.hub.Trim(w.now)
				if swept := before - targets(); swept > sweepTargets+rooms {
					t.Errorf("one Trim swept %d targets away, more than %d", swept, sweepTargets)
				}
				w.check()
			}
			if h.records.len() != h.len() || targets() > h.len()*rooms {
				t.Errorf("after %d calls of Trim, %d records and %d targets are held for %d events", calls, h.records.len(), targets(), h.len())
			}
		})
	}
}

// What has left the history must not pile up behind publishers, even if nobody calls Trim.
func TestPublishersSweepUpWhatTheyDisplace(t *testing.T) {
	w := newWorld(t, 0, Options{History: HistoryLimits{Events: 1 << 20, Bytes: 1 << 20, Age: time.Hour}, MessageBytes: 1 << 20})
	burst(w, 5000, 1)
	h := &w.hub.history
	for i := range 20 {
		w.publish("big", strings.Repeat("x", 300<<10))
		held := int64(0)
		for i := range h.records.len() {
			held += h.records.at(i).size
		}
		if held > 2<<20 {
			t.Fatalf("after %d big messages, a history of 1 MiB holds %d bytes", i+1, held)
		}
	}
	if h.left > 0 {
		t.Errorf("%d records that have left are still held", h.left)
	}
	w.check()
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
