package hub

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestMatching(t *testing.T) {
	tests := []struct {
		rooms, id, to string
		want          bool
	}{
		{"a", "", "a", true},
		{"a", "", "b", false},
		{"a b", "", "b", true},
		{"ab", "", "a", false},
		{"a", "", "ab", false},
		{"a", "", "*", true},
		{"", "", "*", true},
		{"", "", "a", false},
		{"*", "", "a", true},
		{"*", "", "a*", true},
		{"*", "", "*", true},
		{"ab", "", "a*", true},
		{"ab", "", "ab*", true},
		{"ab", "", "abc*", false},
		{"b", "", "a*", false},
		{"a b", "", "a,b", true},
		{"ab", "", "a*,ab,ab*", true},
		{"b", "", "a,*", true},
		{"a", "x", "a-x", false},
		{"a", "y", "a-x", true},
		{"a", "", "a-x", true},
		{"a", "x", "*-x", false},
		{"*", "x", "a*-x", false},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s to %s %s", tt.to, tt.rooms, tt.id), func(t *testing.T) {
			w := newTestHub(t, 1, Options{History: keepAll})
			c := w.client(0)
			c.subscribe(Subscription{ClientID: tt.id}, tt.rooms)
			r := w.publish(tt.to, "m")
			w.publish("*", "end")
			want := []string{"2 end"}
			if tt.want {
				want = []string{"1 m", "2 end"}
			}
			c.want(want...)
			if got := r.Matched() == 1; got != tt.want {
				t.Errorf("matched %d streams", r.Matched())
			}
			late := w.client(0)
			late.subscribe(Subscription{ClientID: tt.id, LastEventID: "e-0"}, tt.rooms)
			late.want(want...)
		})
	}
}

func TestDeliverKeepsToItsBudget(t *testing.T) {
	w := newTestHub(t, 1, Options{})
	var clients []*client
	for range 100 {
		clients = append(clients, w.subscribe("a"))
	}
	touched := func() (n int) {
		for _, c := range clients {
			n += c.queued
		}
		return n
	}
	r := w.publish("a", "1")
	w.publish("a", "2")
	for calls := 1; w.shards[0].Deliver(10, anyBytes); calls++ {
		if n := touched(); n > 10*calls {
			t.Fatalf("%d streams touched in %d calls with a budget of 10", n, calls)
		}
		if isClosed(r.Done()) && touched() < 100 {
			t.Fatal("the message is done before all streams have it")
		}
		w.check()
	}
	for _, c := range clients {
		c.want("1 1", "2 2")
	}
	if r.Matched() != 100 {
		t.Errorf("matched %d, want 100", r.Matched())
	}
}

func TestMessagesForNobodyCostBudget(t *testing.T) {
	w := newTestHub(t, 1, Options{})
	w.collide("nobody")
	for range 100 {
		w.publish("nobody", "x")
	}
	if !w.shards[0].Deliver(10, anyBytes) || !w.shards[0].Pending() {
		t.Error("one small call passed 100 messages")
	}
	w.deliver()
	if w.shards[0].Pending() {
		t.Error("still pending after everything was delivered")
	}
}

// TestComingAndGoingInsideADelivery stops a delivery after each number of streams and lets each one
// leave there, and others come: nobody else may miss the message or get it twice.
func TestComingAndGoingInsideADelivery(t *testing.T) {
	const n = 8
	for _, to := range []string{"room1", "room*", "*", "room1,room2"} {
		for stop := 1; stop < 2*n; stop++ {
			for leaver := range n {
				w := newTestHub(t, 1, Options{})
				var clients []*client
				for i := range n {
					clients = append(clients, w.subscribe(fmt.Sprintf("room%d room%d", 1+i%2, 3)))
				}
				r := w.publish(to, "m")
				w.shards[0].Deliver(stop, anyBytes)
				w.shards[0].Unsubscribe(&clients[leaver].Stream)
				late := w.subscribe("room1 room2")
				w.deliver()
				w.check()
				got := 0
				for i, c := range clients {
					frames := c.all()
					got += len(frames)
					should := to == "*" || strings.Contains(to, "*") || strings.Contains(to, fmt.Sprint("room", 1+i%2))
					if len(frames) > 1 || (i != leaver && should != (len(frames) == 1)) {
						t.Fatalf("%s, stop %d, leaver %d: client %d got %q", to, stop, leaver, i, frames)
					}
				}
				late.want()
				if r.Matched() != got {
					t.Fatalf("%s, stop %d, leaver %d: matched %d, %d arrived", to, stop, leaver, r.Matched(), got)
				}
			}
		}
	}
}

func TestQueuedSaysHowManyMatch(t *testing.T) {
	w := newTestHub(t, 1, Options{})
	c := w.subscribe("a b")
	w.subscribe("a")
	w.subscribe("*")
	w.subscribe("c")
	for _, tt := range []struct {
		to   string
		want int
	}{{"b", 2}, {"a", 3}, {"a,b", 4}, {"a*", 4}, {"*", 4}} {
		w.publish(tt.to, "x")
		w.deliver()
		if c.matched != tt.want {
			t.Errorf("Queued for %s says %d, want %d", tt.to, c.matched, tt.want)
		}
	}
	if c.queued != 5 {
		t.Errorf("Queued was called %d times, want 5", c.queued)
	}
}

func TestDeliveredBytes(t *testing.T) {
	w := newTestHub(t, 1, Options{})
	w.collide("nobody")
	w.subscribe("a")
	w.subscribe("a")
	w.publish("a", "x")
	w.publish("nobody", "x")
	w.deliver()
	if got, want := w.shards[0].DeliveredBytes(), uint64(2*len("id: e-1\ndata: x\n\n")); got != want {
		t.Errorf("DeliveredBytes = %d, want %d: each event once", got, want)
	}
}

func TestEveryShardSeesTheSameOrder(t *testing.T) {
	w := newTestHub(t, 3, Options{})
	var clients []*client
	for i := range 3 {
		c := w.client(i)
		c.subscribe(Subscription{}, "a b")
		clients = append(clients, c)
	}
	var want []string
	for i := range 20 {
		w.publish([]string{"a", "b", "a,b", "*"}[i%4], "x")
		w.shards[i%3].Deliver(1+i%4, anyBytes)
		want = append(want, itoa(i+1)+" x")
	}
	for i, c := range clients {
		if got := c.all(); !slices.Equal(got, want) {
			t.Errorf("shard %d: %q, want %q", i, got, want)
		}
	}
}

func TestDeliverDoesNotAllocate(t *testing.T) {
	w := newTestHub(t, 1, Options{InboxEvents: 1 << 20})
	var clients []*client
	for i := range 50 {
		clients = append(clients, w.subscribe(fmt.Sprintf("room%d room", i)))
	}
	const messages = 200
	for i := range 3 * messages {
		w.publish([]string{"room", "room*", "*", "room1,room2"}[i%4], "x")
	}
	dst := make([]byte, 0, 1<<16)
	step := func() {
		w.shards[0].Deliver(300, anyBytes)
		for _, c := range clients {
			dst = c.Pop(dst[:0], cap(dst))
		}
	}
	for range 10 {
		step() // the queues get their rings
	}
	if n := testing.AllocsPerRun(messages, step); n != 0 {
		t.Errorf("Deliver and Pop allocate %v times", n)
	}
}

func TestDeliverTakesInNoMoreBytesThanItIsTold(t *testing.T) {
	w := newTestHub(t, 1, Options{})
	c := w.subscribe("a")
	for range 10 {
		w.publish("a", strings.Repeat("x", 1000))
	}
	if !w.shards[0].Deliver(1000, 2500) || c.queued != 3 {
		t.Errorf("%d events queued, want those of the first 2500 bytes and the one across", c.queued)
	}
	if !w.shards[0].Deliver(1000, 0) || c.queued != 4 {
		t.Errorf("%d events queued, want one more", c.queued)
	}
}
