package hub

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
		{&TooLargeError{Size: 70000, Limit: 65536}, "message of 70000 bytes is over the limit of 65536"},
	}
	for _, tt := range tests {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestPublishRefuses(t *testing.T) {
	to := message("a", "").To
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
	w := newWorld(t, 1, Options{History: keepAll})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := w.hub.Publish(w.now, tt.msg)
			var fault *InvalidError
			if !errors.As(err, &fault) || fault.Field != tt.field {
				t.Errorf("Publish = %v, want an InvalidError of %s", err, tt.field)
			}
		})
	}
	if w.hub.LastID().Seq != 0 || w.shards[0].Pending() {
		t.Error("a refused message has left something behind")
	}
}

func TestPublishDoesNotKeepTheCallersTargets(t *testing.T) {
	w := newWorld(t, 1, Options{})
	c := w.subscribe("a")
	m := message("a", "x")
	if _, err := w.hub.Publish(w.now, m); err != nil {
		t.Fatal(err)
	}
	m.To[0].Name = "b"
	c.want("1 x")
}
