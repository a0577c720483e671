package logx

import (
	"strings"
	"testing"
)

func TestClean(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"plain text, ~ and all", "plain text, ~ and all"},
		{"a\r\nb\tc", `a\x0D\x0Ab\x09c`},
		{"\x1b[31m", `\x1B[31m`},
		{"\x00\x7f", `\x00\x7F`},
		{"\x80\xff", `\x80\xFF`},
		{"\u009b31m", `\u{9B}31m`},
		{"a\u202eb", `a\u{202E}b`},
		{"é", `\u{E9}`},
		{"😀", `\u{1F600}`},
		{"\ufffd", `\u{FFFD}`}, // written out, not broken UTF-8
		{`\x1b`, `\x5Cx1b`},    // text that looks escaped can be told from what is
		{`a\b`, `a\x5Cb`},
	} {
		if got := Clean(c.in); got != c.want {
			t.Errorf("Clean(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func TestCleanTextIsReturnedAsItIs(t *testing.T) {
	s := "room624 from 192.0.2.1:50190 with Mozilla/5.0 (X11; Linux x86_64)"
	if n := testing.AllocsPerRun(100, func() {
		if Clean(s) != s {
			t.Error("clean text was changed")
		}
	}); n != 0 {
		t.Errorf("cleaning clean text allocates %v times", n)
	}
}

func FuzzClean(f *testing.F) {
	f.Fuzz(func(t *testing.T, a, b string) {
		clean := Clean(a)
		if i := strings.IndexFunc(clean, func(r rune) bool { return r < ' ' || r > '~' }); i >= 0 {
			t.Errorf("Clean(%q) = %q, which is not printable ASCII", a, clean)
		}
		if strings.Contains(clean, `\x1b`) {
			t.Errorf("Clean(%q) = %q, which tint would turn into an escape", a, clean)
		}
		if a != b && clean == Clean(b) {
			t.Errorf("%q and %q both become %q", a, b, clean)
		}
	})
}
