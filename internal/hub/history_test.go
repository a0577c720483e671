package hub

import (
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
	if h := &w.hub.history; h.index.len() != 2 || len(h.lengths) != 0 {
		t.Errorf("two events leave an index of %d targets, prefixes of the lengths %v", h.index.len(), h.lengths)
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
