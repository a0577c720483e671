package bench

import (
	"math"
	"strings"
	"testing"
)

func TestMessageComesBack(t *testing.T) {
	t.Parallel()
	f := form{run: "0badcafe", size: 100}
	for _, want := range []message{
		{room: 0, seq: 1, sent: 0},
		{room: 7, seq: 42, sent: 1_700_000_000_123_456_789},
		{room: 9_999_999, seq: math.MaxInt64, sent: math.MaxInt64},
	} {
		text := f.append([]byte("before"), want)[len("before"):]
		if len(text) != f.size {
			t.Errorf("%q has %d bytes, want %d", text, len(text), f.size)
		}
		if got, kind := f.parse(text[:min(len(text), maxHead)], len(text)); got != want || kind != ours {
			t.Errorf("%q is %+v, kind %d; want %+v", text, got, kind, want)
		}
	}
}

// TestMinSize holds the longest head that a run can have in practice against the shortest message.
func TestMinSize(t *testing.T) {
	t.Parallel()
	f := form{run: "ffffffff", size: MinSize}
	longest := message{room: 9_999_999, seq: 1e15, sent: math.MaxInt64}
	if text := f.append(nil, longest); len(text) != MinSize {
		t.Errorf("%q has %d bytes, want %d", text, len(text), MinSize)
	}
}

func TestMessageOfOthers(t *testing.T) {
	t.Parallel()
	f := form{run: "0badcafe", size: 80}
	whole := string(f.append(nil, message{room: 1, seq: 2, sent: 3}))
	for _, tt := range []struct {
		name, text string
		length     int
		want       kind
	}{
		{"nothing", "", 0, foreign},
		{"chat", "hello", 5, foreign},
		{"another run", strings.Replace(whole, "0badcafe", "0badcaff", 1), 80, foreign},
		{"only the run", "hb1 0badcafe", 12, foreign},
		{"cut", whole[:70], 70, broken},
		{"two in one", whole, 160, broken},
		{"no room", "hb1 0badcafe  2 3 x", 80, broken},
		{"letters for a number", "hb1 0badcafe 1 z 3 x", 80, broken},
		{"number 0", "hb1 0badcafe 1 0 3 x", 80, broken},
		{"no end of the time", "hb1 0badcafe 1 2 3", 80, broken},
		{"endless number", "hb1 0badcafe 1 " + strings.Repeat("9", 40) + " 3 x", 80, broken},
	} {
		if m, got := f.parse([]byte(tt.text), tt.length); got != tt.want {
			t.Errorf("%s: %+v of kind %d, want kind %d", tt.name, m, got, tt.want)
		}
	}
}
