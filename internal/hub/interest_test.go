package hub

import (
	"fmt"
	"sync"
	"testing"

	"github.com/hassesd/hassesd/internal/names"
)

// subscribeOn subscribes to rooms on a shard.
func subscribeOn(w *testHub, shard int, rooms string) *client {
	c := w.client(shard)
	c.subscribe(Subscription{}, rooms)
	return c
}

// A record goes to the loops that may have a stream for it, and wakes no other.
func TestOnlyLoopsWithMembersAreWoken(t *testing.T) {
	w := newTestHub(t, 4, Options{History: keepAll})
	here := subscribeOn(w, 1, "a")
	subscribeOn(w, 2, "b")
	all := subscribeOn(w, 3, "*")
	for _, tt := range []struct {
		to    string
		woken []int
	}{
		{"a", []int{0, 1, 0, 1}},
		{"b", []int{0, 0, 1, 1}},
		{"a,b", []int{0, 1, 1, 1}},
		{"a*", []int{0, 1, 1, 1}}, // a prefix is not looked up
		{"*", []int{0, 1, 1, 1}},
		{"nobody", []int{0, 0, 0, 1}},
		{"1,2,3,4,5,6,7,8,9", []int{0, 1, 1, 1}}, // too many to look at
	} {
		clear(w.woken)
		r := w.publish(tt.to, "x")
		for i, n := range w.woken {
			if n != tt.woken[i] {
				t.Errorf("to %s: loops were woken %v times, want %v", tt.to, w.woken, tt.woken)
				break
			}
		}
		w.deliver()
		if !isClosed(r.Done()) {
			t.Errorf("to %s: the receipt is not done", tt.to)
		}
	}
	if here.Sent() != 0 || here.QueueBytes() == 0 || all.QueueBytes() == 0 {
		t.Error("the events are not queued")
	}
	w.shards[3].Unsubscribe(&all.Stream)
	clear(w.woken)
	if r := w.publish("nobody", "x"); !isClosed(r.Done()) || r.Matched() != 0 || w.woken[3] != 0 {
		t.Errorf("a message that nobody can get: loops were woken %v times", w.woken)
	}
}

// A stream that has its place among the records gets all that come behind it, even if another
// processor publishes at the same moment.
func TestASubscriptionIsCountedBeforeItsPlaceIsFixed(t *testing.T) {
	t.Parallel()
	const rounds = 2000
	w := newTestHub(t, 1, Options{History: keepAll})
	s := w.shards[0]
	begin, ended := make(chan string), make(chan uint64)
	var publisher sync.WaitGroup
	publisher.Go(func() {
		for room := range begin {
			r, err := w.try(message(room, "x"))
			if err != nil {
				t.Errorf("publish: %v", err)
				break
			}
			ended <- r.ID().Seq
		}
		close(ended)
	})
	for i := range rounds {
		room := fmt.Sprint("room", i)
		c := w.client(0)
		begin <- room
		start := s.Subscribe(w.now, &c.Stream, Subscription{Rooms: []string{room}})
		published, ok := <-ended
		if !ok {
			break
		}
		for s.Deliver(100, anyBytes) {
		}
		if got, want := c.QueueBytes() > 0, published > start.ID.Seq; got != want {
			t.Fatalf("round %d: the stream begins after %d and got the record %d: %v", i, start.ID.Seq, published, got)
		}
		s.Unsubscribe(&c.Stream)
		s.Release(&c.Stream)
	}
	close(begin)
	publisher.Wait()
}

func TestHashesOfTargets(t *testing.T) {
	w := newTestHub(t, 1, Options{})
	room := func(name string) names.Target { return names.Target{Kind: names.Room, Name: name} }
	if h := hash(w.hub.seed, []names.Target{room("a"), room("b")}); h.unbounded || h.n != 2 || h.rooms[0] != hashRoom(w.hub.seed, "a") {
		t.Errorf("two rooms: %+v", h)
	}
	if h := hash(w.hub.seed, []names.Target{room("a"), {Kind: names.Prefix, Name: "b"}}); !h.unbounded {
		t.Error("a prefix is bounded")
	}
	if h := hash(w.hub.seed, []names.Target{names.Everything}); !h.unbounded {
		t.Error("everything is bounded")
	}
}
