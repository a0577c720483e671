package hub

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/names"
)

func TestShardCounts(t *testing.T) {
	w := newTestHub(t, 2, Options{})
	a := w.subscribe("room1 room2 x")
	b := w.subscribe("room1")
	all := w.subscribe("*")
	s := w.shards[0]

	rooms := func(prefix string) (list []string) {
		s.RoomsPrefix(prefix, "", func(room string, n int) bool {
			list = append(list, fmt.Sprint(room, " ", n))
			return true
		})
		return list
	}
	for _, tt := range []struct {
		prefix string
		want   []string
	}{
		{"", []string{"room1 2", "room2 1", "x 1"}},
		{"room", []string{"room1 2", "room2 1"}},
		{"room2", []string{"room2 1"}},
		{"s", nil},
	} {
		if got := rooms(tt.prefix); !slices.Equal(got, tt.want) {
			t.Errorf("RoomsPrefix(%q) = %q, want %q", tt.prefix, got, tt.want)
		}
	}
	visits := 0
	s.RoomsPrefix("", "", func(string, int) bool { visits++; return false })
	if visits != 1 {
		t.Errorf("RoomsPrefix went on for %d rooms after false", visits)
	}
	if s.Streams() != 3 || s.RoomCount("room1") != 2 || s.RoomCount("none") != 0 {
		t.Errorf("Streams %d, RoomCount %d, %d", s.Streams(), s.RoomCount("room1"), s.RoomCount("none"))
	}
	if w.shards[1].Streams() != 0 {
		t.Error("the other shard has streams")
	}

	for _, c := range []*client{a, a, b, all} {
		s.Unsubscribe(&c.Stream)
		w.check()
	}
	if s.Streams() != 0 || s.rooms.len() != 0 || s.order.Len() != 0 {
		t.Errorf("%d streams, %d rooms, %d sorted rooms are left", s.Streams(), s.rooms.len(), s.order.Len())
	}
}

// visited goes through a list of streams, and lets those that it meets leave.
func (w *testHub) visited(list func(string, int) (*Stream, int), key string, leave bool) (n int) {
	for st, place := list(key, math.MaxInt); st != nil; st, place = list(key, place) {
		n++
		if leave {
			w.shards[0].Unsubscribe(st)
			w.check()
		}
	}
	return n
}

func TestStreamsOfARoomOrAnIDOneByOne(t *testing.T) {
	w := newTestHub(t, 1, Options{})
	s := w.shards[0]
	for i := range 6 {
		w.client(0).subscribe(Subscription{ClientID: []string{"me", "you", ""}[i%3]}, "a b")
	}
	if got := w.visited(s.WithID, "me", false); got != 2 {
		t.Errorf("WithID finds %d, want 2", got)
	}
	if got := w.visited(s.WithID, "", false); got != 0 {
		t.Errorf("WithID of no id finds %d, want 0", got)
	}
	if got := w.visited(s.WithID, "you", true); got != 2 || s.ids.len() != 1 {
		t.Errorf("WithID finds %d, want 2; %d ids are left, want 1", got, s.ids.len())
	}
	if got := w.visited(s.InRoom, "a", true); got != 4 || s.Streams() != 0 {
		t.Errorf("InRoom finds %d, want 4; %d streams are left", got, s.Streams())
	}
	if got := w.visited(s.InRoom, "a", false); got != 0 {
		t.Errorf("InRoom of a room without streams finds %d", got)
	}
}

// A stream that stays is met, whichever others leave or come between two steps.
func TestStreamsOfARoomOrAnIDWhileOthersComeAndGo(t *testing.T) {
	for _, n := range []int{1, 2, 3, 6} {
		for leaver := range n {
			for when := range n {
				for _, isID := range []bool{false, true} {
					wantWalkMeetsThoseWhoStay(t, n, leaver, when, isID)
				}
			}
		}
	}
}

// wantWalkMeetsThoseWhoStay walks over the n streams of a room, or of a client id. After some steps
// one of them leaves and another one comes.
func wantWalkMeetsThoseWhoStay(t *testing.T, n, leaver, when int, isID bool) {
	t.Helper()
	w := newTestHub(t, 1, Options{})
	list := w.shards[0].InRoom
	if isID {
		list = w.shards[0].WithID
	}
	subscribe := func() *client {
		c := w.client(0)
		c.subscribe(Subscription{ClientID: "a"}, "a")
		return c
	}
	var clients []*client
	met := make(map[*Stream]bool)
	for range n {
		clients = append(clients, subscribe())
	}
	st, place := list("a", math.MaxInt)
	for step := 0; st != nil; step++ {
		met[st] = true
		if step == when {
			w.shards[0].Unsubscribe(&clients[leaver].Stream)
			w.check()
			subscribe()
			w.check()
		}
		st, place = list("a", place)
	}
	for i, c := range clients {
		if i != leaver && !met[&c.Stream] {
			t.Fatalf("client %d of %d was passed over when client %d left after %d steps", i, n, leaver, when)
		}
	}
}

func TestGroupGivesMemoryBack(t *testing.T) {
	w := newTestHub(t, 1, Options{})
	var clients []*client
	for range 1000 {
		clients = append(clients, w.subscribe("a"))
	}
	for _, c := range clients[1:] {
		w.shards[0].Unsubscribe(&c.Stream)
	}
	if got := cap(w.shards[0].rooms.m["a"].members); got > 2*groupKeep {
		t.Errorf("a room with one stream keeps room for %d", got)
	}
}

// TestCheckNotices breaks things by hand, so that a Check without an error means something.
func TestCheckNotices(t *testing.T) {
	tests := []struct {
		name   string
		damage func(w *testHub, c *client)
	}{
		{"history bytes", func(w *testHub, _ *client) { w.hub.history.bytes++ }},
		{"history floor", func(w *testHub, _ *client) { w.hub.history.floor++ }},
		{"index", func(w *testHub, _ *client) {
			delete(w.hub.history.index[0].targets, names.Target{Kind: names.Room, Name: "a"})
		}},
		{"ordinal too many", func(w *testHub, _ *client) {
			w.hub.history.index[0].targets[names.Target{Kind: names.Room, Name: "b"}] = &ordinals{1}
		}},
		{"prefixes", func(w *testHub, _ *client) { w.hub.history.index[0].prefixes = prefixTree{} }},
		{"prefix of nobody", func(w *testHub, _ *client) { w.hub.history.index[0].prefixes.at("x") }},
		{"generation", func(w *testHub, _ *client) { w.hub.history.index[0].last = 0 }},
		{"what has left", func(w *testHub, _ *client) { w.hub.history.left++ }},
		{"end", func(w *testHub, _ *client) { w.hub.history.at(1).end++ }},
		{"inbox bytes", func(w *testHub, _ *client) { w.shards[0].inbox.bytes++ }},
		{"space", func(w *testHub, _ *client) { w.hub.intake.waiting = make(chan struct{}) }},
		{"room index", func(w *testHub, _ *client) { w.shards[0].order.Delete("a") }},
		{"empty room", func(w *testHub, _ *client) { w.shards[0].rooms.put("x", &group{kind: roomGroup}) }},
		{"shared id of one", func(w *testHub, _ *client) { w.shards[0].shared.put("x", &group{kind: idGroup}) }},
		{"id of nobody", func(w *testHub, c *client) { w.shards[0].ids.put("x", &c.Stream) }},
		{"lost id", func(_ *testHub, c *client) { c.clientID = "x" }},
		{"place", func(_ *testHub, c *client) { c.place++ }},
		{"place in a room", func(_ *testHub, c *client) { c.room.pos++ }},
		{"membership", func(_ *testHub, c *client) { c.otherRooms = &[]membership{c.room} }},
		{"phase", func(_ *testHub, c *client) { c.phase = unsubscribed }},
		{"queue bytes", func(_ *testHub, c *client) { c.queue.bytes++ }},
		{"queue order", func(_ *testHub, c *client) { c.queue.push(*c.queue.at(0)) }},
		{"gap", func(_ *testHub, c *client) { c.pop(1 << 10); c.gap = new(gap) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := &testHub{t: t, now: start, hub: New(Options{Epoch: "e", History: keepAll})}
			w.log = follow(w.hub, func() time.Time { return w.now })
			w.shards = []*Shard{w.hub.NewShard(func() {})}
			c := w.subscribe("a")
			w.publish("a,b*", "x")
			w.publish("a", "y")
			w.deliver()
			for _, check := range []func() error{w.hub.Check, w.shards[0].Check} {
				if err := check(); err != nil {
					t.Fatalf("before: %v", err)
				}
			}
			tt.damage(w, c)
			if w.hub.Check() == nil && w.shards[0].Check() == nil {
				t.Error("Check notices nothing")
			}
		})
	}
}

func TestRoomsCanBeVisitedPageByPage(t *testing.T) {
	w := newTestHub(t, 1, Options{})
	w.subscribe("a b1 b2 b3 c")
	var got []string
	for after, more := "", true; more; {
		more = false
		visits := 0
		w.shards[0].RoomsPrefix("b", after, func(room string, _ int) bool {
			if visits++; visits > 2 {
				more = true
				return false
			}
			got, after = append(got, room), room
			return true
		})
	}
	if want := []string{"b1", "b2", "b3"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
