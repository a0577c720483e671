package hub

import (
	"errors"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/sse"
)

// next is the hub after a restart that took down, with other limits if there are any.
func (w *testHub) next(down time.Duration, limits HistoryLimits) *testHub {
	w.t.Helper()
	w.log.Close()
	past := w.hub.Checkpoint(w.now)
	h := New(Options{Epoch: past.Last.Epoch, Seq: past.Last.Seq - uint64(past.Len), History: limits})
	later := &testHub{t: w.t, now: w.now.Add(down), hub: h, woken: make([]int, 1)}
	for e := range past.Entries {
		e.Age += down
		if err := h.Restore(later.now, e); err != nil {
			w.t.Fatal(err)
		}
	}
	if got := h.LastID(); got != past.Last {
		w.t.Fatalf("the past ends at %s, the hub at %s", past.Last, got)
	}
	later.log = follow(h, func() time.Time { return later.now })
	later.shards = []*Shard{h.NewShard(func() { later.woken[0]++ })}
	w.t.Cleanup(later.check)
	return later
}

func TestAResumeCrossesARestart(t *testing.T) {
	w := newTestHub(t, 1, Options{History: keepAll})
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
	w := newTestHub(t, 1, Options{})
	w.publish("a", "1")
	w.publish("a", "2")
	w = w.next(time.Hour, HistoryLimits{})
	if _, start := w.resume("a", "e-2"); start.Gap != nil {
		t.Error("a client that had seen everything is told of a gap")
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
			w := newTestHub(t, 1, Options{History: keepAll})
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

func TestACheckpointOfAClosedLogIsAllThereIs(t *testing.T) {
	w := newTestHub(t, 1, Options{History: keepAll, InboxEvents: 1})
	w.publish("a", "1")
	w.log.Close()
	if _, err := w.try(message("a", "2")); !errors.Is(err, eventlog.ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
	first := w.hub.Checkpoint(w.now)
	if first.Last.String() != "e-1" || first.Len != 1 {
		t.Errorf("the past ends at %s with %d events", first.Last, first.Len)
	}
	if again := w.hub.Checkpoint(w.now); again.Last != first.Last || again.Len != first.Len {
		t.Errorf("asked again: %+v", again)
	}
}

func TestWhatIsNoMessageIsNotRestored(t *testing.T) {
	to := []names.Target{{Kind: names.Room, Name: "a"}}
	body := []byte("data: x\n\n")
	for name, e := range map[string]eventlog.HistoryEntry{
		"no target":       {Seq: 1, Body: body},
		"no number":       {To: to, Body: body},
		"a bad room":      {Seq: 1, To: []names.Target{{Kind: names.Room, Name: "a;b"}}, Body: body},
		"no such kind":    {Seq: 1, To: []names.Target{{Kind: 9, Name: "a"}}, Body: body},
		"a bad exception": {Seq: 1, To: to, Except: "\n", Body: body},
		"two events":      {Seq: 1, To: to, Body: []byte("data: x\n\ndata: y\n\n")},
	} {
		h := New(Options{Epoch: "e", History: keepAll})
		if err := h.Restore(start, e); err == nil {
			t.Errorf("%s was restored", name)
		}
	}
	h := New(Options{Epoch: "e", Seq: 5, History: keepAll})
	if err := h.Restore(start, eventlog.HistoryEntry{Seq: 5, To: to, Body: body}); err == nil {
		t.Error("a message got a number for the second time")
	}
}

// The numbers of a log may have gaps: a resume gets exactly the rest from any number, whether there
// was such a record or not.
func TestAResumeCrossesGapsInNumbers(t *testing.T) {
	h := New(Options{Epoch: "e", Seq: 10, History: keepAll})
	for _, seq := range []uint64{12, 13, 40, 41, 42, 100} {
		e := eventlog.HistoryEntry{Seq: seq, To: []names.Target{{Kind: names.Room, Name: "a"}}, Body: []byte("data: x\n\n")}
		if err := h.Restore(start, e); err != nil {
			t.Fatal(err)
		}
	}
	w := &testHub{t: t, now: start, hub: h, shards: []*Shard{h.NewShard(func() {})}}
	for _, rooms := range []string{"a", "*"} {
		for _, tt := range []struct {
			after string
			want  []string
		}{
			{"e-9", []string{"gap e-9 to 10", "12 x", "13 x", "40 x", "41 x", "42 x", "100 x"}},
			{"e-10", []string{"12 x", "13 x", "40 x", "41 x", "42 x", "100 x"}},
			{"e-12", []string{"13 x", "40 x", "41 x", "42 x", "100 x"}},
			{"e-13", []string{"40 x", "41 x", "42 x", "100 x"}},
			{"e-20", []string{"40 x", "41 x", "42 x", "100 x"}},
			{"e-41", []string{"42 x", "100 x"}},
			{"e-99", []string{"100 x"}},
			{"e-100", nil},
			{"e-101", []string{"gap e-101 to 10", "12 x", "13 x", "40 x", "41 x", "42 x", "100 x"}},
		} {
			c, _ := w.resume(rooms, tt.after)
			c.want(tt.want...)
		}
	}
	h.SetLimits(w.now, HistoryLimits{Events: 2, Bytes: 1 << 20, Age: time.Hour}, 0, Close)
	c, _ := w.resume("a", "e-40")
	c.want("gap e-40 to 41", "42 x", "100 x")
	w.check()
}

// TestT24ClockGoesBack lets the wall clock jump, with times that have no other clock in them:
// numbers grow all the same, and nothing that is young is dropped.
func TestT24ClockGoesBack(t *testing.T) {
	limits := HistoryLimits{Events: 100, Bytes: 1 << 20, Age: time.Minute}
	w := newTestHub(t, 1, Options{History: limits})
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

	// A restart does not forget how old a message was; that the clock knew nothing of the time
	// between makes it no younger.
	w = newTestHub(t, 1, Options{History: limits})
	last = 0
	say()
	w.now = w.now.Add(50 * time.Second)
	w = w.next(0, limits)
	say()
	if st := w.hub.Stats(w.now); st.HistoryEvents != 2 || st.HistoryOldest != 50*time.Second {
		t.Errorf("after a restart: %+v", st)
	}
}
