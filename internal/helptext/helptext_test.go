package helptext

import (
	"strings"
	"testing"
)

func TestWrap(t *testing.T) {
	t.Parallel()
	half := strings.Repeat("x", Width/2)
	accents := strings.Repeat("é", Width/2-1)
	for _, tt := range []struct {
		name, text string
		indent     int
		want       string
	}{
		{"nothing", "", 2, "  \n"},
		{"blanks are one", " a  b\nc ", 0, "a b c\n"},
		{"a full line", half + " " + half[1:], 0, half + " " + half[1:] + "\n"},
		{"one column too many", half + " " + half, 0, half + "\n" + half + "\n"},
		{"the margin counts", half + " " + half[1:], 1, " " + half + "\n " + half[1:] + "\n"},
		{"columns are characters", accents + " " + accents, 0, accents + " " + accents + "\n"},
		{"a word longer than a line", half + half + "x y", 2, "  " + half + half + "x\n  y\n"},
	} {
		if got := Wrap(tt.text, tt.indent); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestEntry(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"send":    "  send    text\n",
		"--flag":  "  --flag  text\n",
		"--flags": "  --flags\n          text\n",
		"é234":    "  é234    text\n",
	} {
		var b strings.Builder
		if Entry(&b, name, "text", 10); b.String() != want {
			t.Errorf("%s: got %q, want %q", name, b.String(), want)
		}
	}
}
