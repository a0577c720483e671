package hub

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
)

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestReceipt(t *testing.T) {
	w := newTestHub(t, 2, Options{})
	a, b := w.client(0), w.client(1)
	a.subscribe(Subscription{}, "a")
	b.subscribe(Subscription{}, "*")
	w.subscribe("other")

	r := w.publish("a", "x")
	if got := r.ID().String(); got != "e-1" {
		t.Errorf("ID = %s, want e-1", got)
	}
	w.shards[0].Deliver(100, anyBytes)
	if isClosed(r.Done()) {
		t.Error("the receipt is done although one shard has not delivered")
	}
	w.shards[1].Deliver(100, anyBytes)
	if !isClosed(r.Done()) || r.Matched() != 2 {
		t.Errorf("done is %v, matched %d, want true, 2", isClosed(r.Done()), r.Matched())
	}
}

func TestReceiptWithoutShards(t *testing.T) {
	w := newTestHub(t, 0, Options{})
	if r := w.publish("a", "x"); !isClosed(r.Done()) || r.Matched() != 0 {
		t.Error("a message that no shard can get is not done")
	}
}

func TestBusy(t *testing.T) {
	w := newTestHub(t, 2, Options{History: keepAll, InboxEvents: 2})
	w.collide("a")
	slow, fast := w.shards[0], w.shards[1]
	w.publish("a", "1")
	w.publish("a", "2")
	fast.Deliver(100, anyBytes)

	_, err := w.try(message("a", "3"))
	if !errors.Is(err, eventlog.ErrBusy) {
		t.Fatalf("Publish into a full inbox = %v, want eventlog.ErrBusy", err)
	}
	if w.hub.LastID().Seq != 2 || w.hub.Stats(w.now).HistoryEvents != 2 || fast.Pending() {
		t.Error("a refused message has left something behind")
	}
	space := w.hub.Space()
	fast.Deliver(100, anyBytes)
	if isClosed(space) {
		t.Error("an inbox that was not full announces space")
	}
	slow.Deliver(1, anyBytes)
	if !isClosed(space) {
		t.Error("the full inbox made room and does not say so")
	}
	if !isClosed(w.hub.Space()) {
		t.Error("who asks for space after it was made waits for ever")
	}
	w.publish("a", "3")
}

func TestSpaceIsAnnouncedByTheInboxThatIsFull(t *testing.T) {
	w := newTestHub(t, 2, Options{InboxEvents: 1})
	w.collide("a")
	busy := func() {
		t.Helper()
		if _, err := w.try(message("a", "x")); !errors.Is(err, eventlog.ErrBusy) {
			t.Fatalf("Publish = %v, want eventlog.ErrBusy", err)
		}
	}
	w.publish("a", "x")
	busy() // both inboxes
	w.shards[0].Deliver(100, anyBytes)
	space := w.hub.Space()
	if !isClosed(space) {
		t.Error("the first inbox made room and does not say so")
	}
	busy() // the second one
	space = w.hub.Space()
	w.shards[0].Deliver(100, anyBytes)
	if isClosed(space) {
		t.Error("the first inbox announces space again")
	}
	w.shards[1].Deliver(100, anyBytes)
	if !isClosed(space) {
		t.Error("the second inbox made room and does not say so")
	}
}

func TestInboxBytes(t *testing.T) {
	w := newTestHub(t, 1, Options{InboxBytes: 1000})
	w.collide("a")
	w.publish("a", strings.Repeat("x", 2000)) // over the bound alone, but the inbox is empty
	if _, err := w.try(message("a", "x")); !errors.Is(err, eventlog.ErrBusy) {
		t.Errorf("Publish = %v, want eventlog.ErrBusy", err)
	}
	w.deliver()
	w.publish("a", strings.Repeat("x", 500))
	if _, err := w.try(message("a", strings.Repeat("x", 500))); !errors.Is(err, eventlog.ErrBusy) {
		t.Errorf("Publish = %v, want eventlog.ErrBusy", err)
	}
	w.publish("a", "small")
}

func TestWake(t *testing.T) {
	w := newTestHub(t, 2, Options{})
	w.collide("a")
	w.publish("a", "1")
	w.publish("a", "2")
	w.shards[0].Deliver(100, anyBytes)
	w.publish("a", "3")
	if w.woken[0] != 2 || w.woken[1] != 1 {
		t.Errorf("shards were woken %v times, want [2 1]", w.woken)
	}
}

func TestStats(t *testing.T) {
	w := newTestHub(t, 0, Options{History: keepAll})
	if got := w.hub.Stats(w.now); got != (Stats{}) {
		t.Errorf("Stats of a new hub = %+v", got)
	}
	w.publish("a", "x")
	w.now = w.now.Add(3 * time.Second)
	w.publish("room", "y")
	want := Stats{Messages: 2, HistoryEvents: 2, HistoryBytes: int64(2*len("id: e-1\ndata: x\n\n") + len("a"+"room")), HistoryOldest: 3 * time.Second}
	if got := w.hub.Stats(w.now); got != want {
		t.Errorf("Stats = %+v, want %+v", got, want)
	}
}

func TestNewRefusesABadEpoch(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("New did not panic")
		}
	}()
	New(Options{Epoch: "not an epoch"})
}

// TestConcurrentPublishers runs publishers and two loops at the same time, for the race detector,
// and checks that each loop's client gets everything in order.
func TestConcurrentPublishers(t *testing.T) {
	const publishers, each = 4, 200
	wake := make([]chan struct{}, 2)
	h := New(Options{Epoch: "e", InboxEvents: 8, History: keepAll, QueueBytes: 1 << 20})
	w := &testHub{t: t, now: start, hub: h}
	log := follow(h, func() time.Time { return start })
	for i := range wake {
		wake[i] = make(chan struct{}, 1)
		w.shards = append(w.shards, h.NewShard(func() {
			select {
			case wake[i] <- struct{}{}:
			default:
			}
		}))
	}
	clients := []*client{w.client(0), w.client(1)}
	for _, c := range clients {
		c.subscribe(Subscription{}, "a")
	}

	var publishing, looping sync.WaitGroup
	for range publishers {
		publishing.Go(func() {
			d, err := eventlog.NewDraft(message("a", "x"))
			if err != nil {
				t.Error(err)
				return
			}
			for range each {
				if _, err := log.Append(t.Context(), d); err != nil {
					t.Errorf("Append: %v", err)
					return
				}
			}
		})
	}
	for i, c := range clients {
		looping.Go(func() {
			for range wake[i] {
				for c.shard.Deliver(10, anyBytes) {
				}
				c.pop(1 << 20)
			}
		})
	}
	publishing.Wait()
	for _, c := range wake {
		close(c) // nobody publishes any more; what is signalled is still received
	}
	looping.Wait()
	for _, c := range clients {
		got := c.all()
		if len(got) != publishers*each {
			t.Errorf("%d events arrived, want %d", len(got), publishers*each)
		}
		for i, event := range got {
			if want := short("id: e-" + itoa(i+1) + "\ndata: x"); event != want {
				t.Fatalf("event %d is %q, want %q", i, event, want)
			}
		}
	}
	w.check()
}

func TestAMessageDoesNotKeepTheCallersTargets(t *testing.T) {
	w := newTestHub(t, 1, Options{})
	c := w.subscribe("a")
	m := message("a", "x")
	if _, err := w.try(m); err != nil {
		t.Fatal(err)
	}
	m.To[0].Name = "b"
	c.want("1 x")
}
