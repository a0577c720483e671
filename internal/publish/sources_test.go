package publish

import (
	"fmt"
	"testing"
	"time"
)

func TestRequestsOfOnePublisherShareItsPace(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	s := NewSources(DoorHTTP, nil, func() time.Time { return now })
	pace := Pace{Messages: 1}
	publish := func(name string) time.Duration {
		source := s.Use(name)
		defer s.Release(source)
		return source.next(now, pace, 1)
	}
	for i, want := range []time.Duration{0, 0, time.Second} {
		if wait := publish("a"); wait != want {
			t.Errorf("request %d of a waits %s, want %s", i, wait, want)
		}
	}
	if wait := publish("b"); wait != 0 {
		t.Errorf("the first request of b waits %s", wait)
	}
	if len(s.byName) != 2 {
		t.Errorf("%d publishers are known", len(s.byName))
	}
	now = now.Add(time.Hour)
	publish("c")
	publish("c")
	if len(s.byName) != 1 || len(s.resting) != 1 {
		t.Errorf("%d publishers are known and %d resting, who have not published for an hour", len(s.byName), len(s.resting))
	}
}

func TestPublishersWithoutAPaceAreForgottenAtOnce(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	s := NewSources(DoorHTTP, nil, func() time.Time { return now })
	first := s.Use("a")
	second := s.Use("a")
	if first != second {
		t.Error("two sources of one publisher")
	}
	s.Release(first)
	if len(s.byName) != 1 {
		t.Error("a publisher who is still there was forgotten")
	}
	s.Release(second)
	if len(s.byName) != 0 {
		t.Error("a publisher who is gone is still known")
	}
}

func TestRestingPublishersAreBounded(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	s := NewSources(DoorHTTP, nil, func() time.Time { return now })
	for i := range 2 * restingMost {
		for range 2 {
			source := s.Use(fmt.Sprint(i))
			source.next(now, Pace{Messages: 1}, 1)
			s.Release(source)
		}
	}
	if len(s.resting) > restingMost || len(s.byName) != len(s.resting) {
		t.Errorf("%d publishers are known and %d resting", len(s.byName), len(s.resting))
	}
}

// A source is used again for another publisher only if it is as good as new.
func TestAPublisherInheritsNoPace(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	s := NewSources(DoorHTTP, nil, func() time.Time { return now })
	publish := func(name string, pace Pace) (*Source, time.Duration) {
		source := s.Use(name)
		defer s.Release(source)
		return source, source.next(now, pace, 1)
	}
	first, _ := publish("a", Pace{})
	again, _ := publish("b", Pace{})
	if again != first || len(s.byName) != 0 {
		t.Errorf("the same source again: %t; %d publishers are known", again == first, len(s.byName))
	}
	for range 2 {
		publish("b", Pace{Messages: 1})
	}
	if _, wait := publish("c", Pace{Messages: 1}); wait != 0 {
		t.Errorf("c waits %s for what b has published", wait)
	}
	if _, wait := publish("b", Pace{Messages: 1}); wait == 0 {
		t.Error("the pace of b is forgotten")
	}
	one, other := s.Use("d"), s.Use("e")
	if one == other {
		t.Error("two publishers share a source")
	}
}
