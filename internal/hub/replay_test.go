package hub

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestResumeRules(t *testing.T) {
	last3 := HistoryLimits{Events: 3, Bytes: 1 << 20, Age: time.Hour}
	tests := []struct {
		name    string
		history HistoryLimits
		last    string
		start   string
		want    []string // messages 1 to 5 were sent to a, 6 comes later
	}{
		{"no id", keepAll, "", "e-5", []string{"6 x"}},
		{"at the head", keepAll, "e-5", "e-5", []string{"6 x"}},
		{"in between", keepAll, "e-3", "e-3", []string{"4 x", "5 x", "6 x"}},
		{"from the beginning", keepAll, "e-0", "e-0", []string{"1 x", "2 x", "3 x", "4 x", "5 x", "6 x"}},
		{"beyond the head", keepAll, "e-6", "0-0", []string{"gap e-6 to 0", "1 x", "2 x", "3 x", "4 x", "5 x", "6 x"}},
		{"unknown epoch", last3, "f-4", "0-0", []string{"gap f-4 to 2", "3 x", "4 x", "5 x", "6 x"}},
		{"malformed", last3, "nonsense", "0-0", []string{"gap nonsense to 2", "3 x", "4 x", "5 x", "6 x"}},
		{"just not evicted", last3, "e-2", "e-2", []string{"3 x", "4 x", "5 x", "6 x"}},
		{"evicted", last3, "e-1", "e-1", []string{"gap e-1 to 2", "3 x", "4 x", "5 x", "6 x"}},
		{"earliest", keepAll, Earliest, "e-0", []string{"1 x", "2 x", "3 x", "4 x", "5 x", "6 x"}},
		{"earliest, after an eviction", last3, Earliest, "e-2", []string{"3 x", "4 x", "5 x", "6 x"}},
		{"earliest without a history", HistoryLimits{}, Earliest, "e-5", []string{"6 x"}},
		{"no history, at the head", HistoryLimits{}, "e-5", "e-5", []string{"6 x"}},
		{"no history, missed something", HistoryLimits{}, "e-4", "e-4", []string{"gap e-4 to 5", "6 x"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newTestHub(t, 1, Options{History: tt.history})
			for range 5 {
				w.publish("a", "x")
			}
			w.deliver()
			c, start := w.resume("a", tt.last)
			if start.ID.String() != tt.start {
				t.Errorf("starts at %v, want %s", start.ID, tt.start)
			}
			if (start.Gap != nil) != strings.HasPrefix(tt.want[0], "gap") {
				t.Errorf("Start.Gap = %v", start.Gap)
			}
			got := c.all()
			w.publish("a", "x")
			if got = append(got, c.all()...); !slices.Equal(got, tt.want) {
				t.Errorf("arrived: %q\nwant:    %q", got, tt.want)
			}
		})
	}
}

func TestReplayIsForTheRoomsOfTheStream(t *testing.T) {
	w := newTestHub(t, 1, Options{History: keepAll})
	for i, to := range []string{"room1", "room2", "room*", "ro*", "x*", "*", "room2,room1", "other", "room1-me", "room1-you", "room1*,room1"} {
		w.publish(to, "m"+itoa(i+1))
	}
	w.deliver()
	tests := []struct{ rooms, want string }{
		{"room1", "1 3 4 6 7 10 11"},
		{"room2", "2 3 4 6 7"},
		{"room1 room2", "1 2 3 4 6 7 10 11"},
		{"nobody", "6"},
		{"*", "1 2 3 4 5 6 7 8 10 11"},
	}
	for _, tt := range tests {
		c := w.client(0)
		c.subscribe(Subscription{ClientID: "me", LastEventID: "e-0"}, tt.rooms)
		var want []string
		for seq := range strings.FieldsSeq(tt.want) {
			want = append(want, seq+" m"+seq)
		}
		c.want(want...)
	}
}

func TestSeam(t *testing.T) {
	// Deliveries wait in the inbox when the client comes; each must arrive once, by replay or live.
	for waiting := range 4 {
		for later := range 3 {
			t.Run(fmt.Sprintf("%d waiting, %d later", waiting, later), func(t *testing.T) {
				w := newTestHub(t, 1, Options{History: keepAll})
				want := []string{"1 x", "2 x"}
				w.publish("a", "x")
				w.publish("a", "x")
				w.deliver()
				for range waiting {
					w.publish("a", "x")
				}
				c, _ := w.resume("a", "e-0")
				for range later {
					w.publish("a", "x")
				}
				for n := range waiting + later {
					want = append(want, itoa(n+3)+" x")
				}
				c.pop(len("id: e-1\ndata: x\n\n")) // the replay has begun
				w.shards[0].Deliver(2, anyBytes)
				c.want(want...)
				w.publish("a", "end")
				c.want(itoa(3+waiting+later) + " end")
			})
		}
	}
}

func TestNewSubscriberDoesNotGetWhatWaits(t *testing.T) {
	w := newTestHub(t, 1, Options{History: keepAll})
	r := w.publish("a", "before")
	c := w.subscribe("a")
	w.publish("a", "after")
	c.want("2 after")
	if r.Matched() != 0 {
		t.Errorf("a message from before the subscription matched %d streams", r.Matched())
	}
}

func TestReplayedDeliveriesCountAsMatched(t *testing.T) {
	w := newTestHub(t, 1, Options{History: keepAll})
	w.publish("a", "1")
	w.deliver()
	c, _ := w.resume("a", "e-0")
	during := w.publish("a", "2")
	w.deliver()
	waiting := w.publish("a", "3")
	c.pop(1 << 16) // the replay takes 3 before it is delivered
	w.deliver()
	c.want("1 1", "2 2", "3 3")
	if during.Matched() != 1 || waiting.Matched() != 1 {
		t.Errorf("matched %d and %d, want 1 and 1", during.Matched(), waiting.Matched())
	}
}

func TestReplayIsPulledInPieces(t *testing.T) {
	w := newTestHub(t, 1, Options{History: HistoryLimits{Events: 10000, Bytes: 1 << 30, Age: time.Hour}, QueueBytes: 1000})
	for range 5000 {
		w.publish("a", "x")
		w.deliver()
	}
	c, _ := w.resume("a", "e-0")
	c.blocked = true
	got, late := 0, 0
	for !c.Empty() {
		c.pop(400)
		if c.QueueBytes() > 1000 {
			t.Fatalf("%d bytes of the replay are queued", c.QueueBytes())
		}
		got += len(c.frames())
		if late == 0 && got > 2000 {
			late = 1
			w.publish("a", "x")
			w.deliver()
		}
	}
	if got != 5000+late || c.overflows != 0 {
		t.Errorf("%d events arrived, %d overflows, want 5001, 0", got, c.overflows)
	}
}

func TestEvictionDuringReplay(t *testing.T) {
	w := newTestHub(t, 1, Options{History: HistoryLimits{Events: 4, Bytes: 1 << 20, Age: time.Hour}})
	for range 4 {
		w.publish("a", "x")
	}
	w.deliver()
	c, _ := w.resume("a", "e-0")
	c.pop(len("id: e-1\ndata: x\n\n"))
	for range 4 {
		w.publish("b", "y")
	}
	w.publish("a", "x")
	c.want("1 x", "gap e-1 to 5", "9 x")
}

func TestEvictionOfOtherRoomsDuringReplayIsNoGap(t *testing.T) {
	w := newTestHub(t, 1, Options{History: HistoryLimits{Events: 4, Bytes: 1 << 20, Age: time.Hour}})
	for _, to := range []string{"a", "b", "b", "a"} {
		w.publish(to, "x")
	}
	w.deliver()
	c, _ := w.resume("a", "e-0")
	c.pop(len("id: e-1\ndata: x\n\n")) // needs 4 next
	w.publish("b", "x")
	w.publish("b", "x")
	w.publish("b", "x") // 3 is evicted
	c.want("1 x", "4 x")
}

func TestHistoryTurnedOffDuringReplay(t *testing.T) {
	w := newTestHub(t, 1, Options{History: keepAll})
	for range 3 {
		w.publish("a", "x")
	}
	w.deliver()
	c, _ := w.resume("a", "e-0")
	c.pop(len("id: e-1\ndata: x\n\n"))
	w.hub.SetLimits(w.now, HistoryLimits{}, 0, Close)
	w.publish("a", "x")
	c.want("1 x", "gap e-1 to 4")
	w.publish("a", "x")
	c.want("5 x")
}

func TestReplayPassesManyExceptedMessages(t *testing.T) {
	w := newTestHub(t, 1, Options{History: HistoryLimits{Events: 10000, Bytes: 1 << 30, Age: time.Hour}})
	for range 3 * replayVisits {
		w.publish("a-me", "x")
		w.deliver()
	}
	c := w.client(0)
	c.subscribe(Subscription{ClientID: "me", LastEventID: "e-0"}, "a")
	c.want()
	if !c.Empty() {
		t.Error("the replay has not ended")
	}
	w.publish("a", "y")
	c.want(itoa(3*replayVisits+1) + " y")
}

func TestUnsubscribeStopsReplay(t *testing.T) {
	w := newTestHub(t, 1, Options{History: keepAll})
	w.publish("a", "x")
	w.publish("a", "x")
	w.deliver()
	c, _ := w.resume("a", "e-0")
	c.shard.Unsubscribe(&c.Stream)
	if !c.Empty() {
		t.Error("an unsubscribed stream waits for a replay")
	}
	c.want()
}

// Threat T30: a client chooses its id, and so how much of the history is not for it.
func TestT30AReplayPassesOverAPartAtATime(t *testing.T) {
	const n = 5000
	w := newTestHub(t, 1, Options{InboxEvents: 2 * n, History: HistoryLimits{Events: 2 * n, Bytes: 1 << 30, Age: time.Hour}})
	w.publish("a", "first")
	for range n {
		w.publish("a-me", "not for me")
	}
	w.publish("a", "last")
	w.deliver()
	c := w.client(0)
	c.subscribe(Subscription{ClientID: "me", LastEventID: "e-0"}, "a")
	pops := 0
	for ; !c.Empty(); pops++ {
		before := w.shards[0].ReplayWork()
		c.pop(1 << 14)
		if work := w.shards[0].ReplayWork() - before; work > (replaySteps+1)*(replayVisits+8) {
			t.Fatalf("one Pop looked at %d places", work)
		}
	}
	if pops < n/replaySteps/replayVisits {
		t.Errorf("%d events were passed over in %d calls of Pop", n, pops)
	}
	w.publish("a", "live")
	c.want("1 first", itoa(n+2)+" last", itoa(n+3)+" live")
}
