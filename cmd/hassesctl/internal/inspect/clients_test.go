package inspect

import (
	"strings"
	"testing"
)

func TestRoomsText(t *testing.T) {
	long := strings.Repeat("x", 40)
	cutLong := strings.Repeat("x", 31) + "…"
	for _, test := range []struct {
		name  string
		rooms []string
		want  string
	}{
		{"none", nil, "-"},
		{"every room", []string{"*"}, "*"},
		{"two", []string{"a", "b"}, "a,b"},
		{"just as many as fit", []string{strings.Repeat("a", 16), strings.Repeat("b", 15)}, strings.Repeat("a", 16) + "," + strings.Repeat("b", 15)},
		{"one more", []string{strings.Repeat("a", 16), strings.Repeat("b", 15), "c"}, strings.Repeat("a", 16) + "," + strings.Repeat("b", 15) + " +1"},
		{"a long one", []string{long}, cutLong},
		{"a long one of several", []string{long, "a", "b"}, cutLong + " +2"},
		{"a long one behind", []string{"a", long, "b"}, "a +2"},
		{"a hostile one", []string{"a\x1b[2J"}, `a\x1B[2J`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := roomsText(test.rooms); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
