package publish

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/eventlog/memory"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/hub/hubtest"
	"github.com/hassesd/hassesd/internal/idempotency"
	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/sse"
)

// house is a publisher with the hub behind it.
type house struct {
	*Publisher
	hub    *hub.Hub
	log    eventlog.Log
	limits Limits
}

func newHouse(o hub.Options) *house {
	h := &house{limits: Limits{MessageBytes: 100}}
	o.Epoch = "e"
	h.hub = hub.New(o)
	h.log = memory.New(memory.Options{Last: h.hub.LastID(), Now: time.Now})
	h.log.Follow(h.hub)
	h.Publisher = New(Options{Log: h.log, Now: time.Now, Limits: func() Limits { return h.limits }})
	return h
}

// rememberKeys makes keys have an effect.
func (h *house) rememberKeys() {
	h.Publisher = New(Options{
		Log: h.log, Now: time.Now, Limits: func() Limits { return h.limits },
		Keys: idempotency.New(idempotency.Options{
			Now:    time.Now,
			Limits: func() idempotency.Limits { return idempotency.Limits{Window: time.Minute, Keys: 10} },
		}),
	})
}

func to(room string) []names.Target { return []names.Target{{Kind: names.Room, Name: room}} }

// request is a good message.
func request(s *Source) Request {
	return Request{Source: s, Granted: Everywhere(), To: to("a"), Event: sse.Event{Data: "x"}}
}

// wantRefused checks that err is a refusal of a field, or of none.
func wantRefused(t *testing.T, err error, want Refusal, field string) {
	t.Helper()
	refused, ok := errors.AsType[*Error](err)
	if !ok || refused.Refusal != want || refused.Field != field || refused.Message == "" {
		t.Errorf("got %#v, want a refusal of %q as %s", err, field, want)
	}
}

func TestAMessageGetsItsPlace(t *testing.T) {
	t.Parallel()
	h := newHouse(hub.Options{})
	s := NewSource(DoorUnix, nil)
	for _, want := range []string{"e-1", "e-2"} {
		result, err := h.Publish(t.Context(), request(s))
		if err != nil || result.ID().String() != want {
			t.Fatalf("Publish = %v, %v; want %s", result, err, want)
		}
		if n, err := result.Matched(t.Context()); n != 0 || err != nil {
			t.Errorf("Matched = %d, %v without any loop", n, err)
		}
	}
	if got := h.Stats().Doors[DoorUnix]; got.Published != 2 {
		t.Errorf("counted %+v", got)
	}
}

func TestRefusalsAreTypedAndCountedByDoor(t *testing.T) {
	t.Parallel()
	h := newHouse(hub.Options{})
	for _, tt := range []struct {
		name  string
		wrong func(r *Request)
		want  Refusal
		field string
	}{
		{"no target", func(r *Request) { r.To = nil }, Invalid, "to"},
		{"a bad room", func(r *Request) { r.To = to("a;b") }, Invalid, "to"},
		{"a bad client id", func(r *Request) { r.Except = "\n" }, Invalid, "except"},
		{"an event of the daemon's own", func(r *Request) { r.Event.Name = sse.GapEvent }, Invalid, "event"},
		{"a negative retry", func(r *Request) { r.Event.Retry = -1 }, Invalid, "retry"},
		{"another room than granted", func(r *Request) { r.Granted = to("b") }, NotGranted, "to"},
		{"more rooms than granted", func(r *Request) { r.Granted = to("a"); r.To = append(to("a"), names.Everything) }, NotGranted, "to"},
		{"nothing granted", func(r *Request) { r.Granted = nil }, NotGranted, "to"},
		{"too much data", func(r *Request) { r.Event.Data = strings.Repeat("x", 101) }, TooLarge, ""},
	} {
		before := h.Stats().Doors[DoorFIFO]
		r := request(NewSource(DoorFIFO, nil))
		tt.wrong(&r)
		_, err := h.Publish(t.Context(), r)
		wantRefused(t, err, tt.want, tt.field)
		before.Refused[tt.want]++
		if got := h.Stats().Doors[DoorFIFO]; got != before {
			t.Errorf("%s: counted %+v, want %+v", tt.name, got, before)
		}
	}
	if got := h.Stats().Doors[DoorUnix]; got != (DoorStats{}) {
		t.Errorf("another door counts %+v", got)
	}
	if h.hub.LastID().Seq != 0 {
		t.Error("a refused message has a number")
	}
}

func TestAGrantMayBeAPrefix(t *testing.T) {
	t.Parallel()
	h := newHouse(hub.Options{})
	r := request(NewSource(DoorTCP, nil))
	r.Granted = []names.Target{{Kind: names.Room, Name: "z"}, {Kind: names.Prefix, Name: "shop-"}}
	r.To = []names.Target{{Kind: names.Room, Name: "shop-1"}, {Kind: names.Prefix, Name: "shop-2"}}
	if _, err := h.Publish(t.Context(), r); err != nil {
		t.Error(err)
	}
}

func TestAMessageWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(hub.Options{InboxEvents: 1})
		shard := h.hub.NewShard(func() {})
		hubtest.Subscribe(shard, time.Now(), "a")
		s := NewSource(DoorUnix, nil)
		if _, err := h.Publish(t.Context(), request(s)); err != nil {
			t.Fatal(err)
		}
		published := make(chan error)
		go func() {
			_, err := h.Publish(t.Context(), request(s))
			published <- err
		}()
		synctest.Wait() // it waits
		for shard.Deliver(10, 1<<20) {
		}
		if err := <-published; err != nil {
			t.Errorf("there is room again, and yet: %v", err)
		}

		began := time.Now()
		_, err := h.Publish(t.Context(), request(s))
		wantRefused(t, err, Overloaded, "")
		if waited := time.Since(began); waited != roomTimeout {
			t.Errorf("gave up after %s, want %s", waited, roomTimeout)
		}
	})
}

func TestTheEndOfTheContextEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(hub.Options{Starved: func() {}}) // and nobody gives credit
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := h.Publish(ctx, request(NewSource(DoorUnix, nil)))
		wantRefused(t, err, Overloaded, "")
		if ctx.Err() == nil {
			t.Error("refused before its time")
		}
	})
}

func TestALogThatIsClosedTakesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(hub.Options{})
	h.log.Close()
	_, err := h.Publish(t.Context(), request(NewSource(DoorUnix, nil)))
	wantRefused(t, err, Closed, "")
}

func TestASourceIsHeldToItsPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(hub.Options{})
		h.limits.Pace = Pace{Messages: 10}
		s := NewSource(DoorUnix, nil)
		began := time.Now()
		for range 11 + 20 { // a second's worth at once, and the next when that is paid for
			if _, err := h.Publish(t.Context(), request(s)); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("31 messages at 10 a second took %s, want 2s", took)
		}
		if st := h.Stats(); st.Held != 20 || st.HeldFor != 2*time.Second {
			t.Errorf("%d messages were held for %s", st.Held, st.HeldFor)
		}
		began = time.Now()
		if _, err := h.Publish(t.Context(), request(NewSource(DoorUnix, nil))); err != nil || time.Since(began) > 0 {
			t.Errorf("another source waited %s for this one: %v", time.Since(began), err)
		}
	})
}

func TestADoorThatClosesHoldsNothingBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(hub.Options{})
		h.limits.Pace = Pace{Messages: 1}
		closing := make(chan struct{})
		s := NewSource(DoorUnix, closing)
		for range 2 {
			if _, err := h.Publish(t.Context(), request(s)); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		time.AfterFunc(time.Second/2, func() { close(closing) })
		for range 10 {
			if _, err := h.Publish(t.Context(), request(s)); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != time.Second/2 {
			t.Errorf("what had arrived was published %s later, want 500ms", took)
		}
	})
}

func TestTheEndOfTheContextEndsThePace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(hub.Options{})
		h.limits.Pace = Pace{Bytes: 1}
		s := NewSource(DoorUnix, nil)
		for range 2 {
			_, _ = h.Publish(t.Context(), request(s))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := h.Publish(ctx, request(s))
		wantRefused(t, err, Overloaded, "")
	})
}

// Requests that come faster than the pace and end before their turn, as those of clients with a
// short timeout do, must not keep the source from publishing at its pace.
func TestWhoGivesUpDoesNotPay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(hub.Options{})
		h.limits.Pace = Pace{Messages: 1}
		s := NewSource(DoorHTTP, nil)
		for range 2 { // a second's worth at once, and one after it
			if _, err := h.Publish(t.Context(), request(s)); err != nil {
				t.Fatal(err)
			}
		}
		for range 1000 {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Microsecond)
			_, err := h.Publish(ctx, request(s))
			wantRefused(t, err, Overloaded, "")
			cancel()
		}
		began := time.Now()
		if _, err := h.Publish(t.Context(), request(s)); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(began); waited > time.Second {
			t.Errorf("the next message has waited %s at a pace of one a second", waited)
		}
	})
}

func TestMatchedWaitsForEveryLoop(t *testing.T) {
	t.Parallel()
	h := newHouse(hub.Options{})
	shard := h.hub.NewShard(func() {})
	hubtest.Subscribe(shard, time.Now(), "a")
	result, err := h.Publish(t.Context(), request(NewSource(DoorUnix, nil)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := result.Matched(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Matched = %v before the loop has looked", err)
	}
	for shard.Deliver(10, 1<<20) {
	}
	if n, err := result.Matched(t.Context()); n != 1 || err != nil {
		t.Errorf("Matched = %d, %v", n, err)
	}
}

func TestNamesInCounters(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, d := range Doors() {
		seen[d.String()] = true
	}
	for _, r := range Refusals() {
		seen[r.String()] = true
	}
	if len(seen) != doors+refusals || seen[""] {
		t.Errorf("the names are %v", seen)
	}
}

func TestAMessageIsPublishedOnceUnderItsKey(t *testing.T) {
	t.Parallel()
	h := newHouse(hub.Options{})
	h.rememberKeys()
	r := request(NewSource(DoorUnix, nil))
	r.Key = "k"
	for i := range 2 {
		result, err := h.Publish(t.Context(), r)
		if err != nil || result.ID().String() != "e-1" || result.IsDuplicate() != (i == 1) {
			t.Fatalf("Publish = %v, %v", result, err)
		}
		if _, err := result.Matched(t.Context()); err != nil {
			t.Error(err)
		}
	}
	r.Source = NewSource(DoorHTTP, nil) // another door, and so another publisher
	if result, err := h.Publish(t.Context(), r); err != nil || result.IsDuplicate() {
		t.Errorf("Publish = %v, %v", result, err)
	}
	r.Publisher = "uid:7"
	if result, err := h.Publish(t.Context(), r); err != nil || result.IsDuplicate() {
		t.Errorf("Publish = %v, %v", result, err)
	}
	r.Source = NewSource(DoorTCP, nil)
	if result, err := h.Publish(t.Context(), r); err != nil || !result.IsDuplicate() {
		t.Errorf("the same publisher by another door: Publish = %v, %v", result, err)
	}
	r.Event.Data = "y"
	_, err := h.Publish(t.Context(), r)
	wantRefused(t, err, KeyReused, "key")
	r.Key = "a b"
	_, err = h.Publish(t.Context(), r)
	wantRefused(t, err, Invalid, "key")
	if got := h.Stats().Doors[DoorTCP]; got.Published != 0 || got.Repeated != 1 || got.Refused[KeyReused] != 1 {
		t.Errorf("counted %+v", got)
	}
}

func TestAMessageThatIsRefusedLeavesItsKey(t *testing.T) {
	t.Parallel()
	h := newHouse(hub.Options{Starved: func() {}}) // and nobody gives credit
	h.rememberKeys()
	r := request(NewSource(DoorUnix, nil))
	r.Key = "k"
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := h.Publish(ctx, r)
	wantRefused(t, err, Overloaded, "")
	h.hub.SetCredit(1 << 20)
	if result, err := h.Publish(t.Context(), r); err != nil || result.IsDuplicate() {
		t.Errorf("sent again: %v, %v", result, err)
	}
}

// faultyLog is a log whose next message meets a bug.
type faultyLog struct {
	eventlog.Log
	trier
	isWell bool
}

func (l *faultyLog) Append(ctx context.Context, d eventlog.Draft) (*eventlog.Receipt, error) {
	l.breakOnce()
	return l.Log.Append(ctx, d)
}

func (l *faultyLog) TryAppend(d eventlog.Draft) (*eventlog.Receipt, error) {
	l.breakOnce()
	return l.trier.TryAppend(d)
}

func (l *faultyLog) breakOnce() {
	if !l.isWell {
		l.isWell = true
		panic("a bug in the log")
	}
}

// A door recovers from a panic and serves on. A publisher that sends the message again must not wait
// for the one that panicked.
func TestAMessageThatPanicsLeavesItsKey(t *testing.T) {
	t.Parallel()
	for name, publish := range map[string]func(*house, Request) (*Result, error){
		"waiting": func(h *house, r Request) (*Result, error) { return h.Publish(t.Context(), r) },
		"at once": func(h *house, r Request) (*Result, error) { return h.TryPublish(r) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(hub.Options{})
			h.hub.SetCredit(1 << 20)
			h.log = &faultyLog{Log: h.log, trier: h.log.(trier)}
			h.rememberKeys()
			r := request(NewSource(DoorUnix, nil))
			r.Key = "k"
			func() {
				defer func() {
					if cause := recover(); cause != "a bug in the log" {
						t.Errorf("recovered from %v", cause)
					}
				}()
				_, _ = publish(h, r)
			}()
			result, err := h.TryPublish(r)
			if err != nil || result.IsDuplicate() {
				t.Fatalf("sent again: %v, %v", result, err)
			}
			if result, err := h.TryPublish(r); err != nil || !result.IsDuplicate() {
				t.Errorf("sent a third time: %v, %v", result, err)
			}
		})
	}
}
