package hub

import (
	"slices"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/sse"
)

func TestZeroStream(t *testing.T) {
	var st Stream
	if got := st.Pop([]byte("x"), 10); string(got) != "x" || !st.Empty() || st.QueueBytes() != 0 || st.Sent() != 0 {
		t.Errorf("Pop = %q, Empty %v", got, st.Empty())
	}
	if st.All() || len(st.Rooms()) != 0 || st.ClientID() != "" {
		t.Error("a stream that was never subscribed has rooms")
	}
	w := newTestHub(t, 1, Options{})
	w.shards[0].Unsubscribe(&st)
}

// TestPopAtEverySize pops the same events in pieces of each size: the bytes must be the same.
func TestPopAtEverySize(t *testing.T) {
	fill := func() *client {
		w := newTestHub(t, 1, Options{History: keepAll})
		w.publish("a", "replayed")
		w.publish("a", strings.Repeat("y", 60))
		w.deliver()
		c, _ := w.resume("a", "nonsense")
		c.pop(1)
		w.publish("a", "live")
		w.deliver()
		return c
	}
	whole := fill()
	for !whole.Empty() {
		whole.pop(1 << 10)
	}
	for size := 1; size <= len(whole.arrived); size++ {
		c := fill()
		for !c.Empty() {
			before, queued := len(c.arrived), c.QueueBytes()
			c.pop(size)
			if len(c.arrived)-before < size && queued > 0 && !strings.HasSuffix(string(c.arrived), "\n\n") {
				t.Errorf("size %d: %q ends inside a frame without need", size, c.arrived)
			}
		}
		if string(c.arrived) != string(whole.arrived) {
			t.Errorf("size %d: %q, want %q", size, c.arrived, whole.arrived)
		}
		if c.Sent() != 3 || c.shard.Sent() != 3 {
			t.Errorf("size %d: sent %d and %d, want 3", size, c.Sent(), c.shard.Sent())
		}
	}
}

func TestPopKeepsWholeFramesTogether(t *testing.T) {
	w := newTestHub(t, 1, Options{})
	c := w.subscribe("a")
	for range 3 {
		w.publish("a", "x")
	}
	w.deliver()
	c.pop(2*frameLen + 5)
	if got := len(c.arrived); got != 2*frameLen {
		t.Errorf("popped %d bytes, want two whole frames, %d", got, 2*frameLen)
	}
	if c.QueueBytes() != frameLen {
		t.Errorf("QueueBytes = %d, want %d", c.QueueBytes(), frameLen)
	}
}

func TestPopSplitsABigFrameAndGoesOn(t *testing.T) {
	w := newTestHub(t, 1, Options{})
	c := w.subscribe("a")
	big := strings.Repeat("x", 100)
	w.publish("a", big)
	w.publish("a", "y")
	w.deliver()
	c.pop(50)
	if len(c.arrived) != 50 || c.Sent() != 0 {
		t.Errorf("popped %d bytes, sent %d, want 50, 0", len(c.arrived), c.Sent())
	}
	c.pop(1 << 10)
	c.want("1 "+big, "2 y")
}

func TestPush(t *testing.T) {
	w := newTestHub(t, 1, Options{History: keepAll})
	c := w.subscribe("a")
	c.Push(sse.Comment())
	c.Push(sse.Comment()) // not silent any more
	c.want(":")
	w.publish("a", "x")
	w.deliver()
	c.Push(sse.Comment())
	c.want("1 x")
	if c.Sent() != 1 {
		t.Errorf("Sent = %d: heartbeats count", c.Sent())
	}
	replaying, _ := w.resume("a", "e-0")
	replaying.Push(sse.Comment())
	replaying.want("1 x")
}

func TestStreamDescribesItsSubscription(t *testing.T) {
	w := newTestHub(t, 1, Options{})
	c := w.client(0)
	c.subscribe(Subscription{ClientID: "me"}, "b a")
	if got := c.Rooms(); !slices.Equal(got, []string{"b", "a"}) || c.All() || c.ClientID() != "me" {
		t.Errorf("rooms %q, all %v, id %q", got, c.All(), c.ClientID())
	}
	c.subscribe(Subscription{ClientID: "you"}, "*")
	if got := c.Rooms(); len(got) != 0 || !c.All() || c.ClientID() != "you" {
		t.Errorf("rooms %q, all %v, id %q", got, c.All(), c.ClientID())
	}
}

func TestSubscribeAgainInsideAFrame(t *testing.T) {
	w := newTestHub(t, 1, Options{})
	c := w.subscribe("a")
	w.publish("a", "1")
	w.publish("a", "2")
	w.deliver()
	c.pop(5)
	c.subscribe(Subscription{}, "b")
	w.publish("a", "3")
	w.publish("b", "4")
	c.want("1 1", "4 4")
}

func TestUnsubscribedStreamCanBeFlushed(t *testing.T) {
	w := newTestHub(t, 1, Options{})
	c := w.subscribe("a")
	w.publish("a", "1")
	w.deliver()
	c.shard.Unsubscribe(&c.Stream)
	w.publish("a", "2")
	c.want("1 1")
}
