package hub

import (
	"errors"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/sse"
)

func TestParseTarget(t *testing.T) {
	long := strings.Repeat("r", MaxRoom)
	tests := []struct {
		in   string
		want Target
		ok   bool
	}{
		{"room624", Target{ToRoom, "room624"}, true},
		{"room6*", Target{ToPrefix, "room6"}, true},
		{"*", Target{ToAll, ""}, true},
		{"a-b", Target{ToRoom, "a-b"}, true},
		{"Räume 😀", Target{ToRoom, "Räume 😀"}, true},
		{long, Target{ToRoom, long}, true},
		{long + "*", Target{ToPrefix, long}, true},
		{long + "r", Target{}, false},
		{long + "r*", Target{}, false},
		{"", Target{}, false},
		{"**", Target{}, false},
		{"a*b", Target{}, false},
		{"*a", Target{}, false},
		{"a;b", Target{}, false},
		{"a=b", Target{}, false},
		{"a\nb", Target{}, false},
		{"a\x00", Target{}, false},
		{"a\x7f", Target{}, false},
		{"a\u0085*", Target{}, false},
		{"a\xff", Target{}, false},
	}
	for _, tt := range tests {
		got, err := ParseTarget(tt.in)
		var fault *InvalidError
		switch {
		case tt.ok && (err != nil || got != tt.want || got.String() != tt.in):
			t.Errorf("ParseTarget(%q) = %v, %v, want %v", tt.in, got, err, tt.want)
		case !tt.ok && (!errors.As(err, &fault) || fault.Field != "to"):
			t.Errorf("ParseTarget(%q) = %v, %v, want an InvalidError of to", tt.in, got, err)
		}
	}
}

func TestCheckNames(t *testing.T) {
	tests := []struct {
		in       string
		room, id bool // allowed
	}{
		{"", false, true},
		{"a", true, true},
		{"a-b c", true, true},
		{"a;b", false, true},
		{"a=b", false, true},
		{"*", false, true},
		{"a\tb", false, false},
		{"a\u009f", false, false},
		{"\xc3", false, false},
		{strings.Repeat("é", MaxClientID/2), true, true},
		{strings.Repeat("x", MaxClientID+1), true, false},
		{strings.Repeat("x", MaxRoom+1), false, false},
	}
	for _, tt := range tests {
		if err := CheckRoom(tt.in); (err == nil) != tt.room {
			t.Errorf("CheckRoom(%q) = %v", tt.in, err)
		}
		if err := CheckClientID(tt.in); (err == nil) != tt.id {
			t.Errorf("CheckClientID(%q) = %v", tt.in, err)
		}
	}
}

func TestErrorsSayWhatIsWrong(t *testing.T) {
	tests := []struct {
		err  error
		want string
	}{
		{CheckRoom(""), "room is empty"},
		{CheckRoom("a=b"), "room contains one of ; = *"},
		{CheckClientID("\n"), "id contains a control character"},
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
		{"too many targets", Message{To: make([]Target, MaxTargets+1)}, "to"},
		{"too many prefixes", Message{To: apart(MaxPrefixes + 1)}, "to"},
		{"empty room", Message{To: []Target{{}}}, "to"},
		{"empty prefix", Message{To: []Target{{Kind: ToPrefix}}}, "to"},
		{"everybody by name", Message{To: []Target{{ToAll, "a"}}}, "to"},
		{"unknown kind", Message{To: []Target{{9, "a"}}}, "to"},
		{"line break in a room", Message{To: []Target{{ToRoom, "a\r"}}}, "to"},
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

// FuzzParseTarget checks that an accepted text is exactly the one String writes, and can be published to.
func FuzzParseTarget(f *testing.F) {
	for _, seed := range []string{"a", "a*", "*", "", "a*b", "a;b", "\u0085", strings.Repeat("x", MaxRoom+1)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		target, err := ParseTarget(s)
		if err != nil {
			return
		}
		if target.String() != s {
			t.Errorf("ParseTarget(%q) = %v, which is written %q", s, target, target.String())
		}
		if err := target.check(); err != nil {
			t.Errorf("ParseTarget(%q) gives a target that is refused: %v", s, err)
		}
		if target.Kind != ToAll && CheckRoom(target.Name) != nil {
			t.Errorf("ParseTarget(%q) names %q, which no room can be called", s, target.Name)
		}
	})
}
