package hub

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/eventlog/memory"
	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/sse"
)

// start is the time at which the tests begin.
var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// keepAll are limits that no test reaches by accident.
var keepAll = HistoryLimits{Events: 1000, Bytes: 1 << 20, Age: time.Hour}

// testHub is a hub with shards and clients, and the time.
type testHub struct {
	t      testing.TB
	now    time.Time
	hub    *Hub
	log    eventlog.Log
	shards []*Shard
	woken  []int // how often each shard was woken

	collided bool // collide was called
}

// newTestHub makes a hub of the epoch "e".
func newTestHub(t testing.TB, shards int, o Options) *testHub {
	t.Helper()
	o.Epoch = "e"
	w := &testHub{t: t, now: start, hub: New(o), woken: make([]int, shards)}
	w.log = follow(w.hub, func() time.Time { return w.now })
	for i := range shards {
		w.shards = append(w.shards, w.hub.NewShard(func() { w.woken[i]++ }))
	}
	t.Cleanup(w.check)
	return w
}

// collide makes every shard take records for a room in which it has nobody, as if it had another
// room with the same hash.
func (w *testHub) collide(room string) {
	for _, s := range w.shards {
		s.interest.streams.Add(1)
		s.interest.rooms[hashRoom(w.hub.seed, room)].Add(1)
	}
	w.collided = true
}

// check lets the hub check itself.
func (w *testHub) check() {
	w.t.Helper()
	err := w.hub.Check()
	for _, s := range w.shards {
		if w.collided {
			break
		}
		err = errors.Join(err, s.Check())
	}
	if err != nil {
		w.t.Errorf("Check: %v", err)
	}
}

// message reads targets as ParseTarget does, separated by commas; "to-id" excepts a client.
func message(to, data string) eventlog.Message {
	to, except, _ := strings.Cut(to, "-")
	m := eventlog.Message{Except: except, Event: sse.Event{Data: data}}
	for name := range strings.SplitSeq(to, ",") {
		target, err := names.ParseTarget(name)
		if err != nil {
			panic(err)
		}
		m.To = append(m.To, target)
	}
	return m
}

// follow makes a log in memory that h follows.
func follow(h *Hub, now func() time.Time) *memory.Log {
	log := memory.New(memory.Options{Last: h.LastID(), Now: now})
	log.Follow(h)
	return log
}

// atOnce is over already: with it, Append does not wait for room.
var atOnce = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// try publishes one message, if there is room.
func (w *testHub) try(m eventlog.Message) (*eventlog.Receipt, error) { return try(w.log, m) }

func try(log eventlog.Log, m eventlog.Message) (*eventlog.Receipt, error) {
	d, err := eventlog.NewDraft(m)
	if err != nil {
		return nil, err
	}
	return log.Append(atOnce, d)
}

// publish sends one message and returns its receipt.
func (w *testHub) publish(to, data string) *eventlog.Receipt {
	w.t.Helper()
	r, err := w.try(message(to, data))
	if err != nil {
		w.t.Fatalf("publish(%q, %q): %v", to, data, err)
	}
	return r
}

// deliver lets all shards work until nothing is left to do.
func (w *testHub) deliver() {
	for _, s := range w.shards {
		for s.Deliver(1<<10, anyBytes) {
		}
	}
}

// anyBytes lets Deliver take in all there is.
const anyBytes = math.MaxInt32

// client is a subscriber: a stream, its owner, and what arrived.
type client struct {
	Stream
	w       *testHub
	shard   *Shard
	blocked bool
	arrived []byte // what was popped and is not a whole frame yet

	queued, overflows int
	matched           int // as Queued said last
}

func (c *client) Queued(_ *Stream, matched int) { c.queued, c.matched = c.queued+1, matched }
func (c *client) Blocked(*Stream) bool          { return c.blocked }
func (c *client) Overflow(*Stream)              { c.overflows++ }

// client makes a client on a shard.
func (w *testHub) client(shard int) *client {
	c := &client{w: w, shard: w.shards[shard]}
	c.Owner = c
	return c
}

// subscribe subscribes a new client of the first shard to rooms, separated by spaces; "*" is every
// room.
func (w *testHub) subscribe(rooms string) *client {
	c := w.client(0)
	c.subscribe(Subscription{}, rooms)
	return c
}

// resume is subscribe with a Last-Event-ID.
func (w *testHub) resume(rooms, lastEventID string) (*client, Start) {
	c := w.client(0)
	return c, c.subscribe(Subscription{LastEventID: lastEventID}, rooms)
}

func (c *client) subscribe(sub Subscription, rooms string) Start {
	sub.Rooms = strings.Fields(rooms)
	if rooms == "*" {
		sub.Rooms, sub.All = nil, true
	}
	return c.shard.Subscribe(c.w.now, &c.Stream, sub)
}

// pop takes up to n bytes from the queue.
func (c *client) pop(n int) {
	before := len(c.arrived)
	c.arrived = c.Pop(c.arrived, n)
	if got := len(c.arrived) - before; got > n || (got == 0 && n > 0 && !c.Empty() && c.phase != replaying) {
		c.w.t.Errorf("Pop(%d) gave %d bytes, Empty is %v", n, got, c.Empty())
	}
}

// frames returns the whole frames that have arrived, without their blank lines, and forgets them.
func (c *client) frames() []string {
	text := string(c.arrived)
	end := strings.LastIndex(text, "\n\n") + 2
	if end < 2 {
		return nil
	}
	c.arrived = []byte(text[end:])
	return strings.Split(strings.TrimSuffix(text[:end], "\n\n"), "\n\n")
}

// all delivers and pops everything and returns it in short form: "7 text" for an event, "gap e-3 to
// 6", or the frame itself.
func (c *client) all() []string {
	c.w.deliver()
	for !c.Empty() {
		c.pop(1 << 16)
	}
	var got []string
	for _, f := range c.frames() {
		got = append(got, short(f))
	}
	return got
}

func short(frame string) string {
	var seq uint64
	var last, data string
	if n, _ := fmt.Sscanf(frame, "id: e-%d\nevent: hasses.gap\ndata: {\"last_event_id\":%q,", &seq, &last); n == 2 {
		return fmt.Sprintf("gap %s to %d", last, seq)
	}
	if n, _ := fmt.Sscanf(frame, "id: e-%d\ndata: %s", &seq, &data); n == 2 {
		return fmt.Sprintf("%d %s", seq, data)
	}
	return frame
}

// want checks everything that arrives for c.
func (c *client) want(frames ...string) {
	c.w.t.Helper()
	if got := c.all(); !slices.Equal(got, frames) {
		c.w.t.Errorf("arrived: %q\nwant:    %q", got, frames)
	}
}
