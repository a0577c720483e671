package main

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestVisible(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{"plain", "Mozilla/5.0 (X11)", "Mozilla/5.0 (X11)"},
		{"letters of all kinds", "Grüße, 日本語, עברית", "Grüße, 日本語, עברית"},
		{"joined emoji", "👩\u200d👧", "👩\u200d👧"},
		{"spaces", "a\u00a0b\u3000c", "a\u00a0b\u3000c"},
		{"replacement character", "a\ufffdb", "a\ufffdb"},
		{"window title", "\x1b]0;owned\x07", `\x1b]0;owned\x07`},
		{"lines", "a\r\nb\tc", `a\r\nb\tc`},
		{"C1 as a rune", "\u009b2J", `\u009b2J`},
		{"C1 as a byte", "\x9b2J", `\x9b2J`},
		{"invalid after valid", "é\xc3", `é\xc3`},
		{"overlong", "\xc0\x80", `\xc0\x80`},
		{"surrogate", "\xed\xa0\x80", `\xed\xa0\x80`},
		{"line separators", "a\u2028b\u2029c", `a\u2028b\u2029c`},
		{"byte order mark", "\ufeff", `\ufeff`},
		{"tag characters", "\U000e0041", `\U000e0041`},
		{"nothing", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := visible(test.in); got != test.want {
				t.Errorf("visible(%q) = %q, want %q", test.in, got, test.want)
			}
		})
	}
}

func TestEveryByteIsHarmless(t *testing.T) {
	for b := range 256 {
		in := string([]byte{'a', byte(b), 'z'})
		want := in
		switch {
		case b == '\n', b == '\r', b == '\t':
			want = fmt.Sprintf("a%sz", map[int]string{'\n': `\n`, '\r': `\r`, '\t': `\t`}[b])
		case b < 0x20 || b >= 0x7f:
			want = fmt.Sprintf(`a\x%02xz`, b)
		}
		if got := visible(in); got != want {
			t.Errorf("visible(%q) = %q, want %q", in, got, want)
		}
	}
}

// harmful are the characters that must never reach a terminal from outside.
var harmful = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x00, Hi: 0x1f, Stride: 1},
		{Lo: 0x7f, Hi: 0x9f, Stride: 1},
		{Lo: 0x61c, Hi: 0x61c, Stride: 1},
		{Lo: 0x200e, Hi: 0x200f, Stride: 1},
		{Lo: 0x2028, Hi: 0x202e, Stride: 1},
		{Lo: 0x2066, Hi: 0x2069, Stride: 1},
	},
	LatinOffset: 2,
}

func TestEveryHarmfulCharacterIsEscaped(t *testing.T) {
	for r := rune(0); r <= 0xffff; r++ {
		if !unicode.Is(harmful, r) {
			continue
		}
		if got := visible(string(r)); strings.ContainsRune(got, r) {
			t.Errorf("visible(%U) = %q", r, got)
		}
		kept := r == '\n' || r == '\t'
		if got := visibleText(string(r)); strings.ContainsRune(got, r) != kept {
			t.Errorf("visibleText(%U) = %q", r, got)
		}
		if got := string(escapeJSON([]byte(string(r)))); strings.ContainsRune(got, r) && r != '\n' {
			t.Errorf("escapeJSON(%U) = %q", r, got)
		}
	}
}

func FuzzVisible(f *testing.F) {
	for _, seed := range []string{"", "a\x1b[31m", "\xff\u202e\u2066", "👩\u200d👧\U000e0041", "a\r\n\tb"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		for _, out := range []string{visible(in), strings.NewReplacer("\n", "", "\t", "").Replace(visibleText(in))} {
			if !utf8.ValidString(out) {
				t.Fatalf("%q became %q, which is not UTF-8", in, out)
			}
			for _, r := range out {
				if unicode.Is(harmful, r) {
					t.Fatalf("%q became %q, which has %U", in, out, r)
				}
			}
		}
		if once := visible(in); visible(once) != once {
			t.Fatalf("%q changes again when it is made visible twice", in)
		}
	})
}

func TestASCIIWords(t *testing.T) {
	for word, want := range map[string]bool{
		"room624": true, "a.b_c/d:e@f+g-h": true,
		"": false, "-x": false, "a b": false, "a;b": false, "$(x)": false, "a`": false, "ü": false, "a\n": false, "*": false, "a'": false,
	} {
		if got := isASCIIWord(word); got != want {
			t.Errorf("isASCIIWord(%q) = %v", word, got)
		}
	}
}
