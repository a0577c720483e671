package hub

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/sse"
)

// next is the world after a restart that took down, with other limits if there are any.
func (w *world) next(down time.Duration, limits HistoryLimits) *world {
	w.t.Helper()
	past := w.hub.Close(w.now)
	h := New(Options{Epoch: past.Last.Epoch, Seq: past.Last.Seq - uint64(past.Len()), History: limits})
	later := &world{t: w.t, now: w.now.Add(down), hub: h, woken: make([]int, 1)}
	for k := range past.Events() {
		k.Age += down
		if err := h.Remember(later.now, k); err != nil {
			w.t.Fatal(err)
		}
	}
	if got := h.LastID(); got != past.Last {
		w.t.Fatalf("the past ends at %s, the hub at %s", past.Last, got)
	}
	later.shards = []*Shard{h.NewShard(func() { later.woken[0]++ })}
	w.t.Cleanup(later.check)
	return later
}

func TestAResumeCrossesARestart(t *testing.T) {
	w := newWorld(t, 1, Options{History: keepAll})
	c := w.subscribe("red blue")
	w.publish("red", "1")
	w.publish("bl*-x", "2")
	w.publish("green", "3")
	w.deliver()
	c.want("1 1", "2 2")
	w.publish("*", "4")
	w.publish("red,blue,green", "5")

	w = w.next(time.Second, keepAll)
	if st := w.hub.Stats(w.now); st.Messages != 0 || st.HistoryEvents != 5 || st.HistoryOldest != time.Second {
		t.Errorf("after the restart: %+v", st)
	}
	r, start := w.resume("red blue", "e-2")
	if start.Gap != nil || start.ID.String() != "e-2" {
		t.Errorf("resumed at %s, gap %v", start.ID, start.Gap)
	}
	if got := w.publish("blue", "6").ID().String(); got != "e-6" {
		t.Errorf("the first message after the restart is %s, want e-6", got)
	}
	w.deliver()
	r.want("4 4", "5 5", "6 6")
	// The except of a message still holds.
	x := w.client(0)
	x.subscribe(Subscription{ClientID: "x", LastEventID: "e-0"}, "blue")
	x.want("4 4", "5 5", "6 6")
	// An id that the hub before has not given is a lie, and told as a gap.
	if _, start = w.resume("red", "e-7"); start.Gap == nil {
		t.Error("an id from nowhere was resumed from")
	}
	if st := w.hub.Stats(w.now); st.Messages != 1 {
		t.Errorf("%d messages were published since the restart, want 1", st.Messages)
	}
}

func TestTheLastIDSurvivesWithoutHistory(t *testing.T) {
	w := newWorld(t, 1, Options{})
	w.publish("a", "1")
	w.publish("a", "2")
	w = w.next(time.Hour, HistoryLimits{})
	if _, start := w.resume("a", "e-2"); start.Gap != nil {
		t.Error("whoever had seen everything is told of a gap")
	}
	if _, start := w.resume("a", "e-1"); start.Gap == nil {
		t.Error("what is not kept was passed over")
	}
	if got := w.publish("a", "3").ID().String(); got != "e-3" {
		t.Errorf("id %s, want e-3", got)
	}
}

func TestLimitsApplyToThePast(t *testing.T) {
	for _, tt := range []struct {
		name   string
		limits HistoryLimits
		down   time.Duration
		want   int // of 8 events, published one a second
	}{
		{"all", keepAll, time.Second, 8},
		{"events", HistoryLimits{Events: 3, Bytes: 1 << 20, Age: time.Hour}, time.Second, 3},
		{"bytes", HistoryLimits{Events: 100, Bytes: 60, Age: time.Hour}, time.Second, 3},
		{"age, by the time that nobody was there", HistoryLimits{Events: 100, Bytes: 1 << 20, Age: time.Minute}, 55 * time.Second, 5},
		{"too old, all of them", HistoryLimits{Events: 100, Bytes: 1 << 20, Age: time.Minute}, time.Hour, 0},
		{"off", HistoryLimits{}, time.Second, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 1, Options{History: keepAll})
			for range 8 {
				w.publish("a", "x")
				w.now = w.now.Add(time.Second)
			}
			w = w.next(tt.down, tt.limits)
			if got := w.hub.Stats(w.now).HistoryEvents; got != tt.want {
				t.Errorf("%d events, want %d", got, tt.want)
			}
			if got := w.hub.LastID().String(); got != "e-8" {
				t.Errorf("the last id is %s, want e-8", got)
			}
		})
	}
}

func TestCloseEndsPublishing(t *testing.T) {
	w := newWorld(t, 1, Options{History: keepAll, InboxEvents: 1})
	w.publish("a", "1")
	if _, err := w.hub.Publish(w.now, message("a", "2")); !errors.Is(err, ErrBusy) {
		t.Fatalf("a full inbox: %v", err)
	}
	space := w.hub.Space()
	past := w.hub.Close(w.now)
	select {
	case <-space:
	default:
		t.Error("a publisher still waits for room")
	}
	if _, err := w.hub.Publish(w.now, message("a", "2")); !errors.Is(err, ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
	if past.Last.String() != "e-1" || past.Len() != 1 {
		t.Errorf("the past ends at %s with %d events", past.Last, past.Len())
	}
	if again := w.hub.Close(w.now); again.Last != past.Last || again.Len() != past.Len() {
		t.Errorf("closed again: %+v", again)
	}
}

func TestWhatIsNoMessageIsNotRemembered(t *testing.T) {
	to := []names.Target{{Kind: names.Room, Name: "a"}}
	body := []byte("data: x\n\n")
	for name, k := range map[string]Kept{
		"no target":       {Body: body},
		"a bad room":      {To: []names.Target{{Kind: names.Room, Name: "a;b"}}, Body: body},
		"no such kind":    {To: []names.Target{{Kind: 9, Name: "a"}}, Body: body},
		"a bad exception": {To: to, Except: "\n", Body: body},
		"two events":      {To: to, Body: []byte("data: x\n\ndata: y\n\n")},
	} {
		h := New(Options{Epoch: "e", History: keepAll})
		if err := h.Remember(start, k); err == nil {
			t.Errorf("%s was remembered", name)
		}
	}
	h := New(Options{Epoch: "e", Seq: math.MaxUint64, History: keepAll})
	if err := h.Remember(start, Kept{To: to, Body: body}); err == nil {
		t.Error("a message got the number after the last")
	}
}

// TestT24ClockGoesBack lets the wall clock jump, with times that have no other clock in them: numbers grow all the same,
// and nothing that is young is dropped.
func TestT24ClockGoesBack(t *testing.T) {
	limits := HistoryLimits{Events: 100, Bytes: 1 << 20, Age: time.Minute}
	w := newWorld(t, 1, Options{History: limits})
	last := uint64(0)
	say := func() {
		t.Helper()
		id, ok := sse.ParseID(w.publish("a", "x").ID().String())
		if !ok || id.Seq != last+1 {
			t.Errorf("id %s after number %d", id, last)
		}
		last = id.Seq
	}
	say()
	w.now = w.now.Add(-24 * time.Hour)
	say()
	if st := w.hub.Stats(w.now); st.HistoryEvents != 2 || st.HistoryOldest != 0 {
		t.Errorf("after the clock went back: %+v", st)
	}
	w.hub.Trim(w.now.Add(30 * time.Second))
	if _, start := w.resume("a", "e-0"); start.Gap != nil {
		t.Error("young events were dropped")
	}

	// A restart does not forget how old a message was; that the clock knew nothing of the time between makes it no younger.
	w = newWorld(t, 1, Options{History: limits})
	last = 0
	say()
	w.now = w.now.Add(50 * time.Second)
	w = w.next(0, limits)
	say()
	if st := w.hub.Stats(w.now); st.HistoryEvents != 2 || st.HistoryOldest != 50*time.Second {
		t.Errorf("after a restart: %+v", st)
	}
}
