package safetext

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestASCII(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                    "",
		"plain text":          "plain text",
		"\x1b[2J":             `\x1B[2J`,
		`\x1b`:                `\x5Cx1b`,
		"line\r\nforged":      `line\x0D\x0Aforged`,
		"é":                   `\u{E9}`,
		"\u202etxt":           `\u{202E}txt`,
		"\U0001F600":          `\u{1F600}`,
		"\xff\xe2\x82":        `\xFF\xE2\x82`,
		"\u009b31m":           `\u{9B}31m`,
		"\x7f":                `\x7F`,
		"\uFFFD":              `\u{FFFD}`,
		`C:\temp`:             `C:\x5Ctemp`,
		"\U0010FFFF and \x00": `\u{10FFFF} and \x00`,
	} {
		if got := ASCII(in); got != want {
			t.Errorf("ASCII(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestMessageKeepsWhatIsEscaped(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                                    "",
		`room "a\x0Ab" has no stream`:         `room "a\x0Ab" has no stream`,
		`no \u{202E}room` + "\u202e\x1b[2J\n": `no \u{202E}room\u{202E}\x1B[2J\x0A`,
		`C:\temp`:                             `C:\temp`,
		"\xff":                                `\xFF`,
	} {
		if got := Message(in); got != want {
			t.Errorf("Message(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestVisible(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                                  "",
		"déjà vu, 東京":                       "déjà vu, 東京",
		"\x1b]0;title\a":                    `\x1B]0;title\x07`,
		"a\nb\tc\r":                         `a\x0Ab\x09c\x0D`,
		`C:\temp\`:                          `C:\temp\`,
		`\x1B is text, \u{1} too`:           `\x5Cx1B is text, \x5Cu{1} too`,
		"\\\x1b":                            `\\x1B`,
		"\u202eevil\u2066":                  `\u{202E}evil\u{2066}`,
		"family \U0001F468\u200d\U0001F469": "family \U0001F468\u200d\U0001F469",
		"zero\u200bwidth":                   `zero\u{200B}width`,
		"\xc3(":                             `\xC3(`,
		"\uFFFD":                            "\uFFFD",
		"a\u00a0b\u3000c":                   "a\u00a0b\u3000c",
		"overlong \xc0\x80":                 `overlong \xC0\x80`,
		"surrogate \xed\xa0\x80":            `surrogate \xED\xA0\x80`,
		"a\u2028b\u2029c":                   `a\u{2028}b\u{2029}c`,
		"mark \ufeff, tag \U000e0041":       `mark \u{FEFF}, tag \u{E0041}`,
	} {
		if got := Visible(in); got != want {
			t.Errorf("Visible(%q) = %s, want %s", in, got, want)
		}
	}
	if got := VisibleLines("a\n\tb\r\x1b"); got != "a\n\tb\\x0D\\x1B" {
		t.Errorf("VisibleLines keeps line feeds and tabs alone, got %q", got)
	}
}

func TestQuote(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ü", 40)
	for in, want := range map[string]string{
		"":         `""`,
		"room624":  `"room624"`,
		`say "hi"`: `"say \x22hi\x22"`,
		"a\nb":     `"a\x0Ab"`,
		long:       `"` + strings.Repeat("ü", 32) + `"…`,
	} {
		if got := Quote(in); got != want {
			t.Errorf("Quote(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestVisibleJSON(t *testing.T) {
	t.Parallel()
	in := "{\"a<b>&\":\"\x7f\u009b\u202e\u2066\U000e0041 日本 \U0001F469 é\"}\n"
	want := "{\"a<b>&\":\"\\u007f\\u009b\\u202e\\u2066\\udb40\\udc41 日本 \U0001F469 é\"}\n"
	if got := string(VisibleJSON([]byte(in))); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
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
	t.Parallel()
	for r := rune(0); r <= 0xffff; r++ {
		if !unicode.Is(harmful, r) {
			continue
		}
		if got := Visible(string(r)); strings.ContainsRune(got, r) {
			t.Errorf("Visible(%U) = %q", r, got)
		}
		kept := r == '\n' || r == '\t'
		if got := VisibleLines(string(r)); strings.ContainsRune(got, r) != kept {
			t.Errorf("VisibleLines(%U) = %q", r, got)
		}
		if got := string(VisibleJSON([]byte(string(r)))); strings.ContainsRune(got, r) && r != '\n' {
			t.Errorf("VisibleJSON(%U) = %q", r, got)
		}
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in    string
		limit int
		want  string
	}{
		{"abc", 3, "abc"},
		{"abcd", 3, "abc"},
		{"aüb", 2, "a"},
		{"\U0001F600", 3, ""},
		{"\x80\x80\x80\x80\x80\x80", 5, "\x80\x80\x80\x80\x80"},
		{"abc", 0, ""},
	} {
		if got := Cut(tt.in, tt.limit); got != tt.want {
			t.Errorf("Cut(%q, %d) = %q, want %q", tt.in, tt.limit, got, tt.want)
		}
	}
}

func TestCleanTextCostsNothing(t *testing.T) {
	for _, f := range []func(string) string{ASCII, Visible, VisibleLines} {
		if n := testing.AllocsPerRun(100, func() { f("192.0.2.1:50190 Mozilla/5.0 (X11; Linux x86_64)") }); n > 0 {
			t.Errorf("%v allocations for text that needs no escape", n)
		}
	}
}

// escapes are what the functions may have written.
var escapes = regexp.MustCompile(`\\x[0-9A-F]{2}|\\u\{[0-9A-F]+\}`)

// unescape reads escapes back, as a careful reader would.
func unescape(t *testing.T, s string) string {
	t.Helper()
	return escapes.ReplaceAllStringFunc(s, func(e string) string {
		n, err := strconv.ParseUint(strings.Trim(e[2:], "{}"), 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		if e[1] == 'x' {
			return string([]byte{byte(n)})
		}
		return string(rune(n))
	})
}

func FuzzEscape(f *testing.F) {
	for _, seed := range []string{
		"", "plain", "\x1b[31m", `\x1b`, `\x1B`, `\\x1B`, "\\\x1b", "\u202e", "\xff\xfe", "é\\u{E9}", "\u009b", "a\r\nb", "\uFFFD", `"`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ascii := ASCII(s)
		for i := range len(ascii) {
			if ascii[i] < ' ' || ascii[i] > '~' {
				t.Fatalf("ASCII(%q) = %q", s, ascii)
			}
		}
		visible, lines := Visible(s), VisibleLines(s)
		if strings.ContainsFunc(visible, func(r rune) bool { return !isShown(r) }) || !utf8.ValidString(visible) {
			t.Fatalf("Visible(%q) = %q", s, visible)
		}
		for _, got := range []string{visible, strings.NewReplacer("\n", "", "\t", "").Replace(lines)} {
			if strings.ContainsFunc(got, func(r rune) bool { return unicode.Is(harmful, r) }) {
				t.Fatalf("%q became %q", s, got)
			}
		}
		for _, got := range []string{ascii, visible, lines} {
			if back := unescape(t, got); back != s {
				t.Fatalf("%q became %q, which reads as %q", s, got, back)
			}
			if strings.Contains(got, `\x1b`) {
				t.Fatalf("%q became %q, which a terminal handler would turn into an escape", s, got)
			}
		}
		if encoded, err := json.Marshal(s); err == nil {
			var back string
			plain := JSON(encoded)
			if err := json.Unmarshal(plain, &back); err != nil || back != strings.ToValidUTF8(s, "\uFFFD") && utf8.ValidString(s) {
				t.Fatalf("JSON(%s) = %s, which reads as %q, %v", encoded, plain, back, err)
			}
			if shown := VisibleJSON(encoded); json.Unmarshal(shown, &back) != nil || string(JSON(shown)) != string(plain) {
				t.Fatalf("VisibleJSON(%s) = %s", encoded, shown)
			}
			if strings.ContainsFunc(string(plain), func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Fatalf("JSON(%s) = %s", encoded, plain)
			}
		}
		if q := Quote(s); strings.Count(q, `"`) != 2 {
			t.Fatalf("Quote(%q) = %s", s, q)
		}
	})
}

func BenchmarkASCII(b *testing.B) {
	for name, s := range map[string]string{"plain": "Mozilla/5.0 (X11; Linux x86_64)", "hostile": strings.Repeat("\x1b\u202eé", 16)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ASCII(s)
			}
		})
	}
}
