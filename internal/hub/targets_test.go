package hub

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/names"
)

// apart are prefixes that do not cover each other.
func apart(n int) []names.Target {
	var to []names.Target
	for i := range n {
		to = append(to, names.Target{Kind: names.Prefix, Name: fmt.Sprintf("p%04d-", i)})
	}
	return to
}

// nested are prefixes of each other, the longest first.
func nested(n int) []names.Target {
	var to []names.Target
	for i := range n {
		to = append(to, names.Target{Kind: names.Prefix, Name: strings.Repeat("n", n-i)})
	}
	return to
}

// Threat T29.
func TestT29PrefixesOfEachOtherCostAsMuchAsTheShortest(t *testing.T) {
	turns := func(to []names.Target) (n int) {
		w := newTestHub(t, 1, Options{})
		var clients []*client
		for i := range 50 {
			clients = append(clients, w.subscribe(fmt.Sprintf("%s%d", strings.Repeat("n", 200), i)))
		}
		if _, err := w.try(eventlog.Message{To: to}); err != nil {
			t.Fatal(err)
		}
		for w.shards[0].Deliver(10, anyBytes) {
			n++
		}
		for i, c := range clients {
			if c.queued != 1 {
				t.Fatalf("client %d got the message %d times", i, c.queued)
			}
		}
		return n
	}
	if one, all := turns(nested(1)), turns(nested(200)); all != one {
		t.Errorf("a message to 200 prefixes of each other takes %d turns, to the shortest of them %d", all, one)
	}
}

// Threat T29: a publisher chooses the targets, and looking for them is what costs, whether a stream
// has them or not.
func TestT29LookingForTargetsCostsBudget(t *testing.T) {
	rooms := make([]names.Target, eventlog.MaxTargets)
	for i := range rooms {
		rooms[i].Name = fmt.Sprint("nobody", i)
	}
	for name, tt := range map[string]struct {
		to   []names.Target
		want int // calls with a budget of 100, at least
	}{
		"rooms":    {rooms, eventlog.MaxTargets / 100},
		"prefixes": {apart(eventlog.MaxPrefixes), eventlog.MaxPrefixes * seekCost / 100},
	} {
		w := newTestHub(t, 1, Options{})
		c := w.subscribe("p somebody")
		if _, err := w.try(eventlog.Message{To: tt.to}); err != nil {
			t.Fatal(err)
		}
		w.publish("somebody", "x")
		calls := 1
		for w.shards[0].Deliver(100, anyBytes) {
			calls++
		}
		if calls < tt.want {
			t.Errorf("%d %s that nobody listens to were passed in %d small calls, want %d", len(tt.to), name, calls, tt.want)
		}
		c.want("2 x")
	}
}

// Threat T29.
func TestT29AFanOutToAPrefixIsCutIntoTurns(t *testing.T) {
	w := newTestHub(t, 1, Options{})
	var clients []*client
	for i := range 100 {
		clients = append(clients, w.subscribe(fmt.Sprintf("room%d roomy%d", i, i)))
	}
	w.publish("room*", "x")
	touched, calls := 0, 0
	for more := true; more; calls++ {
		more = w.shards[0].Deliver(20, anyBytes)
		now := 0
		for _, c := range clients {
			now += c.queued
		}
		if now-touched > 20 {
			t.Fatalf("one call with a budget of 20 touched %d streams", now-touched)
		}
		touched = now
		w.check()
	}
	if touched != 100 || calls < 20 {
		t.Errorf("%d of 100 streams were reached in %d calls; with 200 rooms to find there should be 20", touched, calls)
	}
}

// Threat T29.
func TestT29PrefixesOfManyLengthsDoNotSlowReplaysDown(t *testing.T) {
	work := func(lengths int) uint64 {
		w := newTestHub(t, 1, Options{History: HistoryLimits{Events: 10000, Bytes: 1 << 24, Age: time.Hour}})
		for n := range lengths {
			w.publish(strings.Repeat("z", n+1)+"*", "x")
		}
		var rooms []string
		for r := range 64 {
			rooms = append(rooms, fmt.Sprintf("%s_%02d", strings.Repeat("r", 250), r))
		}
		for range 500 {
			w.publish(rooms[0], "x")
		}
		w.deliver()
		before := w.shards[0].ReplayWork()
		c, _ := w.resume(strings.Join(rooms, " "), "e-0")
		if got := len(c.all()); got != 500 {
			t.Fatalf("%d events were replayed, want 500", got)
		}
		return w.shards[0].ReplayWork() - before
	}
	if none, many := work(0), work(200); many > none+none/10 {
		t.Errorf("prefixes of 200 lengths in the history make a replay cost %d, without them it costs %d", many, none)
	}
}
