package sse

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

func TestEventCheck(t *testing.T) {
	tests := []struct {
		name  string
		event Event
		field string // "" means that the event is fine
	}{
		{"empty", Event{}, ""},
		{"any data", Event{Data: "\r\n\x00\xff"}, ""},
		{"longest name", Event{Name: strings.Repeat("n", MaxName)}, ""},
		{"name too long", Event{Name: strings.Repeat("n", MaxName+1)}, "event"},
		{"name with LF", Event{Name: "a\ndata: forged"}, "event"},
		{"name with CR", Event{Name: "a\rdata: forged"}, "event"},
		{"name with NUL", Event{Name: "a\x00"}, "event"},
		{"name not UTF-8", Event{Name: "a\xff"}, "event"},
		{"name with colon and spaces", Event{Name: " a: b "}, ""},
		{"retry", Event{Retry: time.Second}, ""},
		{"negative retry", Event{Retry: -1}, "retry"},
		{"longest retry", Event{Retry: MaxRetry}, ""},
		{"retry too long", Event{Retry: MaxRetry + 1}, "retry"},
		{"retry that Node's timers cannot hold", Event{Retry: 1 << 31 * time.Millisecond}, "retry"},
		{"the daemon's own name", Event{Name: "hasses.gap"}, "event"},
		{"a name like the daemon's own", Event{Name: "hasses"}, ""},
		{"EventSource's error", Event{Name: "error"}, "event"},
		{"EventSource's open", Event{Name: "open"}, "event"},
		{"EventSource's own default", Event{Name: "message"}, ""},
		{"another case is another name", Event{Name: "Error"}, ""},
		{"longer than EventSource's own", Event{Name: "errors"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.event.Check()
			var fault *EventError
			switch {
			case tt.field == "" && err != nil:
				t.Errorf("Check() = %v, want nil", err)
			case tt.field != "" && (!errors.As(err, &fault) || fault.Field != tt.field):
				t.Errorf("Check() = %v, want an EventError of %s", err, tt.field)
			}
			if fault != nil && fault.Hint == "" {
				t.Errorf("%v has no hint", fault)
			}
			if _, draftErr := NewDraft(tt.event); (draftErr == nil) != (err == nil) {
				t.Errorf("NewDraft error %v, Check error %v", draftErr, err)
			}
		})
	}
}

func TestRetryOf(t *testing.T) {
	for ms, want := range map[int]time.Duration{
		0: 0, 1: time.Millisecond, -1: -time.Millisecond, 1 << 31: 1 << 31 * time.Millisecond,
	} {
		if got := RetryOf(ms); got != want {
			t.Errorf("RetryOf(%d) = %s, want %s", ms, got, want)
		}
	}
	// What would overflow, and could come out as any duration.
	for _, ms := range []int{math.MaxInt, math.MinInt, math.MaxInt/1_000_000 + 1, 1 << 58} {
		if err := (Event{Retry: RetryOf(ms)}).Check(); err == nil {
			t.Errorf("a retry of %d ms is let in as %s", ms, RetryOf(ms))
		}
	}
}
