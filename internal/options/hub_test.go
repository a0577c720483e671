package options

import (
	"testing"

	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/memguard"
	"github.com/hassesd/hassesd/internal/publish"
)

func TestHubFitsTheBudget(t *testing.T) {
	for _, tc := range []struct {
		budget, history int64
		shortens        bool
	}{
		{0, 64 << 20, false},
		{64 << 20, 16 << 20, true},
		{1 << 40, 64 << 20, false},
	} {
		b := memguard.Budget{Bytes: tc.budget}
		o := hub.Options{History: hub.HistoryLimits{Bytes: 64 << 20}}
		if shortens := FitHub(&o, b, 2); shortens != tc.shortens || o.History.Bytes != tc.history || o.InboxBytes != b.InboxBytes(2) {
			t.Errorf("%d bytes: history %d, inbox %d, shortens %t", tc.budget, o.History.Bytes, o.InboxBytes, shortens)
		}
	}
}

func TestEverySettingOfTheHubIsPassedOn(t *testing.T) {
	s := config.Defaults()
	o, err := Hub(&s)
	if err != nil {
		t.Fatal(err)
	}
	if o.History != (hub.HistoryLimits{Events: s.History.Events, Bytes: s.History.Bytes, Age: s.History.Age}) ||
		o.QueueBytes != s.Limits.QueueBytes || o.Slow.String() != s.Limits.Slow {
		t.Errorf("got %+v", o)
	}
	s.Limits.Slow = "whatever"
	if _, err := Hub(&s); err == nil {
		t.Error("an unknown policy is one")
	}
	if m := Memory(&s); m.Memory != s.Limits.Memory || m.KernelBytes != s.Limits.KernelBytes || m.QueuedBytesTotal != s.Limits.QueueBytesTotal {
		t.Errorf("memory: %+v", m)
	}
	if got := CommandBytes(&s); got != int64(s.Limits.MessageBytes)*commandTimes {
		t.Errorf("a command may be %d bytes long", got)
	}
}

func TestEveryLimitOfPublishersIsPassedOn(t *testing.T) {
	s := config.Defaults()
	s.Limits.MessageBytes, s.Limits.PublishRate, s.Limits.PublishBytes = 1, 2, 3
	want := publish.Limits{MessageBytes: 1, Pace: publish.Pace{Messages: 2, Bytes: 3}}
	if got := Publish(&s); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
