package hub

import (
	"fmt"
	"testing"
	"time"
)

func TestOneEventOf64IsSampled(t *testing.T) {
	for name, history := range map[string]HistoryLimits{"with history": keepAll, "without": {}} {
		w := newTestHub(t, 1, Options{History: history})
		c := w.subscribe("a")
		const events = 1000
		sampled := 0
		for i := range events {
			published := w.now
			w.publish("a", fmt.Sprint(i))
			w.deliver()
			w.now = w.now.Add(time.Second)
			c.Pop(nil, 1<<10)
			at, ok := w.shards[0].TakeSample()
			if !ok {
				continue
			}
			sampled++
			if !at.Equal(published) {
				t.Errorf("%s: event %d was published at %s, and the sample says %s", name, i, published, at)
			}
		}
		if want := (events + sampleEvery - 1) / sampleEvery; sampled != want {
			t.Errorf("%s: %d of %d events were sampled, want %d", name, sampled, events, want)
		}
	}
}

// What a replay brings is old on purpose.
func TestReplayedEventsAreNotSampled(t *testing.T) {
	w := newTestHub(t, 1, Options{History: keepAll})
	for i := range 200 {
		w.publish("a", fmt.Sprint(i))
	}
	w.deliver()
	c := w.client(0)
	c.subscribe(Subscription{LastEventID: "e-0"}, "a")
	for !c.Empty() {
		c.Pop(nil, 1<<10)
	}
	if c.Sent() != 200 {
		t.Fatalf("%d events came", c.Sent())
	}
	if at, ok := w.shards[0].TakeSample(); ok {
		t.Errorf("a replayed event was sampled, of %s", at)
	}
	w.publish("a", "live")
	w.deliver()
	c.Pop(nil, 1<<10)
	if _, ok := w.shards[0].TakeSample(); !ok {
		t.Error("the first live event was not sampled")
	}
}

func TestReplaysAreCountedByResult(t *testing.T) {
	w := newTestHub(t, 1, Options{History: HistoryLimits{Events: 100, Bytes: 1 << 20, Age: time.Hour}})
	for i := range 200 {
		w.publish("a", fmt.Sprint(i))
	}
	w.deliver()
	resume := func(id string) *client {
		c := w.client(0)
		c.subscribe(Subscription{LastEventID: id}, "a")
		return c
	}
	resume("")        // asks for nothing
	resume("e-150")   // is there
	resume("e-50")    // is gone
	resume("other-1") // never was
	slow := resume("e-100")
	for i := range 200 {
		w.publish("a", fmt.Sprint(i))
	}
	w.deliver()
	for !slow.Empty() {
		slow.Pop(nil, 1<<10)
	}
	if got, want := w.shards[0].Replays(), (Replays{Complete: 2, Gap: 2, Overtaken: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
