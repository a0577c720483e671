package publish

import (
	"errors"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/hub/hubtest"
	"github.com/hassesd/hassesd/internal/idempotency"
	"github.com/hassesd/hassesd/internal/sse"
)

func TestAMessageIsPublishedAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(hub.Options{})
	s := NewSource(DoorHTTP, nil)
	result, err := h.TryPublish(request(s))
	if err != nil || result.ID().String() != "e-1" || result.IsDuplicate() {
		t.Fatalf("got %v, %v", result, err)
	}
	if result.Notify(func() { t.Error("signalled, though there is no loop") }) || result.Counted() != 0 {
		t.Errorf("%d streams are counted", result.Counted())
	}
	r := request(s)
	r.To = nil
	_, err = h.TryPublish(r)
	wantRefused(t, err, Invalid, "to")
	h.log.Close()
	_, err = h.TryPublish(request(s))
	wantRefused(t, err, Closed, "")
	want := DoorStats{Published: 1}
	want.Refused[Invalid], want.Refused[Closed] = 1, 1
	if got := h.Stats().Doors[DoorHTTP]; got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

func TestThePublisherIsToldWhenStreamsAreCounted(t *testing.T) {
	t.Parallel()
	h := newHouse(hub.Options{})
	shard := h.hub.NewShard(func() {})
	hubtest.Subscribe(shard, time.Now(), "a")
	result, err := h.TryPublish(request(NewSource(DoorHTTP, nil)))
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	if !result.Notify(func() { calls++ }) || calls != 0 {
		t.Fatalf("%d calls before the loop has looked", calls)
	}
	shard.Deliver(100, 1000)
	if calls != 1 || result.Counted() != 1 {
		t.Errorf("%d calls, %d streams", calls, result.Counted())
	}
}

// What would have to wait leaves no trace, and can then be published by who may.
func TestAMessageThatWouldWaitHasNotHappened(t *testing.T) {
	t.Parallel()
	wantWait := func(h *house, r Request) {
		t.Helper()
		before, last := h.Stats(), h.hub.LastID()
		if _, err := h.TryPublish(r); !errors.Is(err, ErrWouldWait) {
			t.Errorf("got %v", err)
		}
		if after := h.Stats(); after != before || h.hub.LastID() != last {
			t.Errorf("counted %+v, before %+v; the last id is %s", after, before, h.hub.LastID())
		}
	}
	t.Run("for its pace", func(t *testing.T) {
		now := time.Unix(1000, 0)
		h := newHouse(hub.Options{})
		h.now = func() time.Time { return now }
		h.limits.Pace = Pace{Messages: 1}
		s := NewSource(DoorHTTP, nil)
		for range 2 { // a second's worth at once, and one after it
			if _, err := h.TryPublish(request(s)); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 {
			wantWait(h, request(s))
		}
		now = now.Add(time.Second)
		if _, err := h.TryPublish(request(s)); err != nil {
			t.Errorf("a second later: %v; what waited has cost", err)
		}
	})
	t.Run("for room", func(t *testing.T) {
		h := newHouse(hub.Options{InboxEvents: 1})
		h.rememberKeys()
		h.limits.Pace = Pace{Messages: 1000}
		shard := h.hub.NewShard(func() {})
		hubtest.Subscribe(shard, time.Now(), "a")
		s := NewSource(DoorHTTP, nil)
		if _, err := h.TryPublish(request(s)); err != nil {
			t.Fatal(err)
		}
		paidAt := s.pacer.paidAt
		r := request(s)
		r.Key = "k"
		wantWait(h, r)
		if s.pacer.paidAt != paidAt {
			t.Error("the message counts for the pace")
		}
		shard.Deliver(100, 1000)
		result, err := h.TryPublish(r)
		if err != nil || result.IsDuplicate() {
			t.Fatalf("with room: %v, %v; its key was taken", result, err)
		}
		wantWait(h, r) // the streams of the first are not counted yet
		shard.Deliver(100, 1000)
		if result, err = h.TryPublish(r); err != nil || !result.IsDuplicate() || result.Counted() != 1 {
			t.Errorf("once more: %v, %v", result, err)
		}
		r.Event.Data = "another message"
		_, err = h.TryPublish(r)
		wantRefused(t, err, KeyReused, "key")
	})
	t.Run("for another with its key", func(t *testing.T) {
		h := newHouse(hub.Options{})
		h.rememberKeys()
		r := request(NewSource(DoorHTTP, nil))
		r.Key = "k"
		claim, _, err := h.keys.TryClaim(idempotency.KeyOf(r.publisher(), r.Key, 0), idempotency.FingerprintOf(r.message()))
		if err != nil {
			t.Fatal(err)
		}
		wantWait(h, r)
		claim.Release()
		if _, err := h.TryPublish(r); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
	t.Run("for a log that is elsewhere", func(t *testing.T) {
		h := newHouse(hub.Options{})
		elsewhere := struct{ eventlog.Log }{h.log} // without TryAppend
		h.Publisher = New(Options{Log: elsewhere, Now: time.Now, Limits: func() Limits { return h.limits }})
		wantWait(h, request(NewSource(DoorHTTP, nil)))
	})
}

func BenchmarkTryPublish(b *testing.B) {
	h := newHouse(hub.Options{History: hub.HistoryLimits{Events: 1000, Bytes: 1 << 20, Age: time.Hour}})
	r := request(NewSource(DoorHTTP, nil))
	r.Event = sse.Event{Data: "a message of some forty bytes or so, no more"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.TryPublish(r); err != nil {
			b.Fatal(err)
		}
	}
}
