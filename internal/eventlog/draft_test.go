package eventlog

import (
	"errors"
	"testing"

	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/sse"
)

func TestErrorsSayWhatIsWrong(t *testing.T) {
	tests := []struct {
		err  error
		want string
	}{
		{&InvalidError{Field: "to", Reason: "is empty"}, "to is empty"},
		{CheckExcept("\n"), "except contains a control character"},
	}
	for _, tt := range tests {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestNewDraftRefuses(t *testing.T) {
	to := []names.Target{{Kind: names.Room, Name: "a"}}
	tests := []struct {
		name  string
		msg   Message
		field string
	}{
		{"no target", Message{}, "to"},
		{"too many targets", Message{To: make([]names.Target, MaxTargets+1)}, "to"},
		{"too many prefixes", Message{To: apart(MaxPrefixes + 1)}, "to"},
		{"empty room", Message{To: []names.Target{{}}}, "to"},
		{"empty prefix", Message{To: []names.Target{{Kind: names.Prefix}}}, "to"},
		{"everybody by name", Message{To: []names.Target{{Kind: names.All, Name: "a"}}}, "to"},
		{"unknown kind", Message{To: []names.Target{{Kind: 9, Name: "a"}}}, "to"},
		{"line break in a room", Message{To: []names.Target{{Kind: names.Room, Name: "a\r"}}}, "to"},
		{"NUL in except", Message{To: to, Except: "\x00"}, "except"},
		{"line break in except", Message{To: to, Except: "a\n"}, "except"},
		{"line break in the name", Message{To: to, Event: sse.Event{Name: "a\n"}}, "event"},
		{"negative retry", Message{To: to, Event: sse.Event{Retry: -1}}, "retry"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := NewDraft(tt.msg)
			var fault *InvalidError
			if !errors.As(err, &fault) || fault.Field != tt.field {
				t.Errorf("NewDraft = %v, want an InvalidError of %s", err, tt.field)
			}
		})
	}
}
