package sse

import (
	"errors"
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
			if _, draftErr := NewDraft(tt.event); (draftErr == nil) != (err == nil) {
				t.Errorf("NewDraft error %v, Check error %v", draftErr, err)
			}
		})
	}
}
