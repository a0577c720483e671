package hub

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// From its publishing until a stream has taken it, a message takes these few objects. More is work
// for the garbage collector with each message.
func TestPublishAllocates(t *testing.T) {
	const want = 5
	w := newTestHub(t, 1, Options{History: HistoryLimits{Events: 1000, Bytes: 1 << 20, Age: time.Hour}})
	s := w.sink(Subscription{Rooms: []string{"room"}})
	m := message("room", strings.Repeat("x", 100))
	dst := make([]byte, 0, 1<<10)
	publish := func() {
		if _, err := w.try(m); err != nil {
			t.Fatal(err)
		}
		w.shards[0].Deliver(100, anyBytes)
		if dst = s.Pop(dst[:0], cap(dst)); len(dst) == 0 {
			t.Fatal("the stream got nothing")
		}
	}
	for range 2000 { // until the history is full
		publish()
	}
	if n := testing.AllocsPerRun(1000, publish); n > want {
		t.Errorf("a message takes %v objects, want %d", n, want)
	}
}

// Neither the length of the history nor the number of events that are told again shows in what a
// stream takes to resume.
func TestResumeAllocates(t *testing.T) {
	const want = 6
	w := newTestHub(t, 0, Options{History: HistoryLimits{Events: 20000, Bytes: 1 << 30, Age: time.Hour}})
	for range 10 {
		for range 1000 {
			w.publish("other", "x")
		}
		w.publish("room", "x")
	}
	w.shards = append(w.shards, w.hub.NewShard(func() {}))
	s := w.sink(Subscription{})
	dst := make([]byte, 0, 16<<10)
	sub := Subscription{Rooms: []string{"room"}, LastEventID: "e-0"}
	resume := func() {
		w.shards[0].Subscribe(w.now, &s.Stream, sub)
		events := 0
		for !s.Empty() {
			dst = s.Pop(dst[:0], cap(dst))
			events += bytes.Count(dst, []byte("data: "))
		}
		w.shards[0].Unsubscribe(&s.Stream)
		if events != 10 {
			t.Fatalf("resumed with %d events, want 10", events)
		}
	}
	if n := testing.AllocsPerRun(1000, resume); n > want {
		t.Errorf("a resume takes %v objects, want %d", n, want)
	}
}
