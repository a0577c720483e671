package eventsource

import (
	"testing"
	"unicode/utf8"
)

// The values are those of browsers' TextDecoder; some are the examples of the Unicode standard,
// section 3.9.
func TestDecodeUTF8(t *testing.T) {
	const bad = "\uFFFD"
	for in, want := range map[string]string{
		"":                                     "",
		"ok…€😀":                                "ok…€😀",
		"a\xffb\xe2\x82c":                      "a" + bad + "b" + bad + "c",
		"\xf0\x9f\x98":                         bad,
		"\xf0\x9f\x98\xf0\x9f\x98\x80":         bad + "😀",
		"\xed\xa0\x80":                         bad + bad + bad, // a surrogate
		"\xc0\xaf":                             bad + bad,
		"\xe0\x80\xaf":                         bad + bad + bad,
		"\xe0\xa0":                             bad,
		"\xf4\x90\x80\x80":                     bad + bad + bad + bad, // over U+10FFFF
		"\xf4\x8f\xbf":                         bad,
		"\xf5\x80":                             bad + bad,
		"\x80\xbf":                             bad + bad,
		"\xc2":                                 bad,
		"\xc2A":                                bad + "A",
		"\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41": bad + bad + bad + bad + "A",
		"\xf0\x80\x80\x41":                     bad + bad + bad + "A",
		bad:                                    bad,
		"\xef\xbf\xbd\xef\xbf":                 bad + bad,
		"a\x00b\xe2\x82":                       "a\x00b" + bad,
	} {
		if got := decodeUTF8([]byte(in)); got != want {
			t.Errorf("decodeUTF8(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzDecodeUTF8(f *testing.F) {
	f.Add([]byte("a\xffb\xe2\x82c"))
	f.Add([]byte("\xf0\x9f\x98\xf0\x9f\x98\x80"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got := decodeUTF8(b)
		if !utf8.ValidString(got) {
			t.Errorf("%q becomes %q, which is not UTF-8", b, got)
		}
		if utf8.Valid(b) && got != string(b) {
			t.Errorf("%q was changed to %q", b, got)
		}
		// Never more than one for each byte, as package utf8 has it.
		if utf8.RuneCountInString(got) > utf8.RuneCount(b) {
			t.Errorf("%q becomes %q", b, got)
		}
	})
}
