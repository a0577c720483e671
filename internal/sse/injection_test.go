package sse

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// pieces are what a forged field is made of: everything that ends a line in some language, and the
// names of fields.
var pieces = []string{
	"\r", "\n", "\r\n", "\x00", "\uFEFF", "\xff", "\xe2\x80", "\u2028", "\u0085", "\v", "\f", ":", " ", "x",
	"id: 9-9", "data: forged", "event: forged", "retry: 1", ": comment",
}

// combinations visits every text of up to three pieces.
func combinations(visit func(text string)) {
	visit("")
	for _, a := range pieces {
		visit(a)
		for _, b := range pieces {
			visit(a + b)
			for _, c := range pieces {
				visit(a + b + c)
			}
		}
	}
}

// TestT9Data: whatever a message holds, a browser hands exactly that to the page, as one event.
func TestT9Data(t *testing.T) {
	before, after := encode(t, Event{Data: "before"}, ID{"e9", 1}).Bytes(), encode(t, Event{Data: "after"}, ID{"e9", 3}).Bytes()
	combinations(func(text string) {
		stream := bytes.Join([][]byte{before, encode(t, Event{Data: text}, ID{"e9", 2}).Bytes(), after}, nil)
		wantEvents(t, text, stream, received{"message", "before", "e9-1"}, received{"message", asReceived(text), "e9-2"}, received{"message", "after", "e9-3"})
	})
}

// TestT9Names: the name of an event arrives as it is, or is refused; it is never mended in silence.
func TestT9Names(t *testing.T) {
	accepted := 0
	combinations(func(name string) {
		draft, err := NewDraft(Event{Name: name, Data: "x"})
		if breaks := strings.ContainsAny(name, "\r\n\x00"); breaks && err == nil {
			t.Errorf("the name %q is accepted", name)
		}
		if err != nil {
			return
		}
		accepted++
		want := received{name, "x", "e9-2"}
		if name == "" {
			want.Type = "message"
		}
		wantEvents(t, name, draft.Frame(ID{"e9", 2}).Bytes(), want)
	})
	if accepted < 1000 {
		t.Errorf("only %d names are accepted", accepted)
	}
}

// TestT9IDs: a stranger's Last-Event-ID is repeated in one place, as a JSON text in the data of a
// gap, and nowhere else.
func TestT9IDs(t *testing.T) {
	combinations(func(id string) {
		if known, ok := ParseID(id); ok && known.String() != id {
			t.Errorf("the id %q is read as %q", id, known)
		}
		got := decode(Gap(id, ID{"e9", 7}).Bytes())
		if len(got.Events) != 1 || got.Events[0].Type != GapEvent || got.LastEventID != "e9-7" || strings.ContainsAny(got.Events[0].Data, "\r\n\x00") {
			t.Errorf("the gap after %q is received as %+v", id, got)
		}
	})
}

// TestT9Comments: a heartbeat is a comment of ours, or an event whose name was checked.
func TestT9Comments(t *testing.T) {
	combinations(func(name string) {
		got := decode(append(Heartbeat(name).Bytes(), LastFrame(time.Second)...))
		switch {
		case len(got.Retry) != 1 || got.Retry[0] != 1000 || got.LastEventID != "" || len(got.Events) > 1:
			t.Errorf("the heartbeat %q is received as %+v", name, got)
		case len(got.Events) == 1 && got.Events[0] != received{name, "", ""}:
			t.Errorf("the heartbeat %q is received as %+v", name, got.Events[0])
		}
	})
}

func wantEvents(t *testing.T, text string, stream []byte, want ...received) {
	t.Helper()
	got := decode(stream)
	isSame := len(got.Events) == len(want) && len(got.Retry) == 0
	for i := range want {
		isSame = isSame && got.Events[i] == want[i]
	}
	if !isSame {
		t.Errorf("%q: got %+v, want %+v", text, got, want)
	}
}
