package subscriber

import (
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/eventlog/memory"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/sse"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// fixture is a hub with one subscriber, whose carrier is the fixture.
type fixture struct {
	sub      Subscriber
	t        *testing.T
	hub      *hub.Hub
	log      *memory.Log
	set      *Set
	now      time.Time
	ready    int
	blocked  bool
	overflow bool
}

func (f *fixture) Subscriber() *Subscriber  { return &f.sub }
func (f *fixture) Set() *Set                { return f.set }
func (f *fixture) Queued(*hub.Stream, int)  { f.ready++ }
func (f *fixture) Blocked(*hub.Stream) bool { return f.blocked }
func (f *fixture) Overflow(*hub.Stream)     { f.overflow = true }

func newFixture(t *testing.T, o hub.Options) *fixture {
	t.Helper()
	o.Epoch, o.History = "e", hub.HistoryLimits{Events: 100, Bytes: 1 << 20, Age: time.Hour}
	f := &fixture{t: t, hub: hub.New(o), now: start}
	f.log = memory.New(memory.Options{Last: f.hub.LastID(), Now: func() time.Time { return f.now }})
	f.log.Follow(f.hub)
	f.set = &Set{Shard: f.hub.NewShard(func() {}), Start: start, Jitter: func(d time.Duration) time.Duration { return d }}
	f.sub.Init(f, 7)
	t.Cleanup(func() {
		if err := f.set.Check(); err != nil {
			t.Error(err)
		}
		if err := f.set.Shard.Check(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func (f *fixture) open(until time.Time, rooms ...string) string {
	f.t.Helper()
	return string(f.sub.Start(f.now, Grant{Subscription: hub.Subscription{Rooms: rooms}, Until: until}, 2*time.Second))
}

func (f *fixture) publish(room, data string) {
	f.t.Helper()
	draft, err := eventlog.NewDraft(eventlog.Message{To: []names.Target{{Name: room}}, Event: sse.Event{Data: data}})
	if err != nil {
		f.t.Fatal(err)
	}
	if _, err := f.log.Append(f.t.Context(), draft); err != nil {
		f.t.Fatal(err)
	}
	for f.set.Shard.Deliver(1000, 1<<20) {
	}
}

// payload returns all that the subscriber has to send.
func (f *fixture) payload() string {
	var out []byte
	for {
		before := len(out)
		if out = f.sub.Payload(out, 1000); len(out) == before {
			return string(out)
		}
	}
}

func (f *fixture) since() time.Duration { return f.set.Since(f.now) }

func TestASubscriberGetsItsEventsUntilItEnds(t *testing.T) {
	f := newFixture(t, hub.Options{})
	if f.payload() != "" || !f.sub.Empty() || f.set.Len() != 0 {
		t.Fatal("it has something to send before it is opened")
	}
	preface := f.open(time.Time{}, "a")
	if want := "retry: 2000\nid: e-0\n\n"; preface != want {
		t.Errorf("begins with %q, want %q", preface, want)
	}
	f.publish("a", "one")
	if got := f.payload(); f.ready != 1 || !strings.Contains(got, "data: one\n") {
		t.Errorf("ready %d times, got %q", f.ready, got)
	}
	f.publish("a", "two")
	f.sub.End()
	f.publish("a", "three")
	if got := f.payload(); !strings.Contains(got, "two") || strings.Contains(got, "three") {
		t.Errorf("after its end: %q", got)
	}
	if f.sub.Sent() != 2 || f.set.Deliveries() != 2 || f.set.Streaming() != 0 || f.set.Len() != 1 {
		t.Errorf("sent %d, %d deliveries, %d streaming of %d", f.sub.Sent(), f.set.Deliveries(), f.set.Streaming(), f.set.Len())
	}
	f.sub.Stop()
	f.sub.Stop()
	if f.set.Len() != 0 || f.set.Opened() != 1 {
		t.Errorf("%d subscribers are left of %d", f.set.Len(), f.set.Opened())
	}
}

func TestAnotherSubscriptionTakesThePlaceOfTheFirst(t *testing.T) {
	f := newFixture(t, hub.Options{})
	f.open(time.Time{}, "a")
	f.publish("a", "one")
	f.open(time.Time{}, "b")
	if f.payload() != "" {
		t.Error("what was queued for the first one is sent")
	}
	f.publish("a", "two")
	f.publish("b", "three")
	if got := f.payload(); strings.Contains(got, "two") || !strings.Contains(got, "three") {
		t.Errorf("got %q", got)
	}
	if f.sub.Reinits() != 1 || f.set.Reinits() != 1 || f.set.Opened() != 1 || f.sub.Sent() != 1 {
		t.Errorf("%d reinits, %d opened, %d sent", f.sub.Reinits(), f.set.Opened(), f.sub.Sent())
	}
	f.sub.Stop()
}

func TestABlockedSubscriberOverflowsWhenItsQueueIsFull(t *testing.T) {
	f := newFixture(t, hub.Options{QueueBytes: 100})
	f.open(time.Time{}, "a")
	f.blocked = true
	f.publish("a", "one")
	if f.overflow {
		t.Error("a queue with one event overflows")
	}
	f.publish("a", strings.Repeat("x", 200))
	if !f.overflow {
		t.Error("a full queue is no overflow")
	}
	f.sub.Stop()
}

func TestTheNextThingIsTheEarliest(t *testing.T) {
	heartbeat := Timing{HeartbeatInterval: 10 * time.Second}
	both := Timing{HeartbeatInterval: 10 * time.Second, StreamAge: 5 * time.Second}
	for _, tt := range []struct {
		name   string
		timing Timing
		until  time.Duration // 0: never
		want   time.Duration // up to a tenth more or less, unless it is the grant's
	}{
		{"nothing", Timing{}, 0, 0},
		{"a heartbeat", heartbeat, 0, 10 * time.Second},
		{"the age", both, 0, 5 * time.Second},
		{"the grant", both, time.Second, time.Second},
		{"a grant that outlives the heartbeat", heartbeat, time.Hour, 10 * time.Second},
		{"a grant that is over", heartbeat, -time.Hour, momentUnit},
		{"a grant for longer than can be counted", Timing{}, 1 << 62, farAway},
	} {
		f := newFixture(t, hub.Options{})
		until := time.Time{}
		if tt.until != 0 {
			until = start.Add(tt.until)
		}
		f.open(until, "a")
		if got := f.sub.Next(&tt.timing); got < tt.want-tt.want/10 || got > tt.want+tt.want/10 {
			t.Errorf("%s: %v, want about %v", tt.name, got, tt.want)
		}
		f.sub.Stop()
	}
}

// Times have a unit of a tenth of a second; the shortest interval that can be set has a tenth of that.
func TestShortHeartbeatsAreNotDueAgainAtOnce(t *testing.T) {
	timing := Timing{HeartbeatInterval: 10 * time.Millisecond, Heartbeat: sse.Comment()}
	f := newFixture(t, hub.Options{})
	f.now = f.now.Add(190 * time.Millisecond)
	f.open(time.Time{}, "a")
	beats := 0
	for range 1000 { // a second
		f.now = f.now.Add(time.Millisecond)
		if f.sub.Heartbeat(&timing, f.since(), 0, true) {
			beats++
			f.payload()
		}
		if next := f.sub.Next(&timing); next <= f.since() {
			t.Fatalf("at %s the next heartbeat is due at %s", f.since(), next)
		}
	}
	if beats != 10 {
		t.Errorf("%d heartbeats in a second", beats)
	}
}

func TestHeartbeatsAreForTheSilent(t *testing.T) {
	timing := Timing{HeartbeatInterval: 10 * time.Second, Heartbeat: sse.Comment()}
	f := newFixture(t, hub.Options{})
	f.open(time.Time{}, "a")
	if f.sub.Heartbeat(&timing, f.since(), 0, true) {
		t.Error("a heartbeat at once")
	}
	f.now = f.now.Add(12 * time.Second)
	if f.sub.Heartbeat(&timing, f.since(), 0, false) {
		t.Error("a heartbeat though something is on its way")
	}
	if f.sub.Heartbeat(&timing, f.since(), 0, true) {
		t.Error("a heartbeat right after that")
	}
	f.now = f.now.Add(12 * time.Second)
	f.sub.Wrote(f.since())
	f.now = f.now.Add(5 * time.Second)
	if f.sub.Heartbeat(&timing, f.since(), 0, true) {
		t.Error("a heartbeat after 5 s of silence")
	}
	f.now = f.now.Add(7 * time.Second)
	if !f.sub.Heartbeat(&timing, f.since(), 0, true) || f.payload() == "" {
		t.Error("no heartbeat after 12 s of silence")
	}
	f.sub.Stop()
}

func TestExpiry(t *testing.T) {
	f := newFixture(t, hub.Options{})
	timing := Timing{StreamAge: time.Minute}
	f.open(start.Add(30*time.Second), "a")
	for _, tt := range []struct {
		after  time.Duration
		timing Timing
		want   Expiry
	}{
		{0, timing, NotExpired},
		{29 * time.Second, timing, NotExpired},
		{30 * time.Second, timing, GrantExpired},
		{2 * time.Minute, timing, GrantExpired},
	} {
		if got := f.sub.Expired(&tt.timing, tt.after); got != tt.want {
			t.Errorf("after %v: %d, want %d", tt.after, got, tt.want)
		}
	}
	f.open(time.Time{}, "a") // another one, without an end
	if got := f.sub.Expired(&timing, 2*time.Minute); got != Aged {
		t.Errorf("after its age: %d", got)
	}
	timing.AgeFrom = 90 * time.Second // a reload set the limit
	if got := f.sub.Expired(&timing, 2*time.Minute); got != NotExpired {
		t.Errorf("30 s after the reload: %d", got)
	}
	f.sub.Stop()
}

// Streams that are opened together must not act together, and one must always act alike.
func TestSpread(t *testing.T) {
	seen := make(map[time.Duration]bool)
	for number := range uint64(1000) {
		var s Subscriber
		s.Init(nil, number)
		d := s.spread(10 * time.Second)
		if d < 9*time.Second || d > 11*time.Second || d != s.spread(10*time.Second) {
			t.Fatalf("number %d: %v", number, d)
		}
		seen[d] = true
	}
	if len(seen) < 200 {
		t.Errorf("only %d different spreads", len(seen))
	}
}

func TestImpossibleStatesPanic(t *testing.T) {
	for name, do := range map[string]func(f *fixture){
		"an end before the start": func(f *fixture) { f.sub.End() },
		"a start after the end": func(f *fixture) {
			f.open(time.Time{}, "a")
			f.sub.End()
			defer f.sub.Stop()
			f.open(time.Time{}, "a")
		},
	} {
		f := newFixture(t, hub.Options{})
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s is possible", name)
				}
			}()
			do(f)
		}()
	}
}

// A client that another node served may be ahead of this one for five seconds.
func TestASubscriberThatIsAheadExpires(t *testing.T) {
	f := newFixture(t, hub.Options{IsShared: true})
	ahead := func() {
		f.sub.Start(f.now, Grant{Subscription: hub.Subscription{Rooms: []string{"a"}, LastEventID: "e-2"}}, time.Second)
	}
	var timing Timing
	ahead()
	next := f.sub.Next(&timing)
	if next < aheadWait || next > aheadWait+time.Second || f.sub.Expired(&timing, next-1) != NotExpired || f.sub.Expired(&timing, next) != TooFarAhead {
		t.Errorf("it may wait for %v and is then %d", next, f.sub.Expired(&timing, next))
	}
	ahead() // another subscription in its place
	f.publish("b", "one")
	f.publish("b", "two")
	if got := f.sub.Expired(&timing, next); got != NotExpired {
		t.Errorf("caught up with: %d", got)
	}
	if got := f.sub.Next(&timing); got != 0 {
		t.Errorf("caught up with, and looks again at %v", got)
	}
	f.sub.Stop()
}
