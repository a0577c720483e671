package admin

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// printable returns s in printable ASCII, for logs and terminals: what a stranger wrote (an agent, an id, a room's
// name) can neither forge a line nor steer a terminal. All else becomes \xNN, \uNNNN or \UNNNNNNNN, and a backslash
// is doubled, so that no two texts look the same.
func printable(s string) string {
	if isPlain(s) {
		return s
	}
	b := make([]byte, 0, len(s)+16)
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '\\':
			b = append(b, `\\`...)
		case r >= 0x20 && r < 0x7f:
			b = append(b, byte(r))
		case r < 0x80 || r == utf8.RuneError && size == 1:
			b = append(b, `\x`...)
			b = appendHex(b, uint32(s[i]), 2)
		case r < 0x10000:
			b = append(b, `\u`...)
			b = appendHex(b, uint32(r), 4)
		default:
			b = append(b, `\U`...)
			b = appendHex(b, uint32(r), 8)
		}
		i += size
	}
	return string(b)
}

func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= 0x7f || c == '\\' {
			return false
		}
	}
	return true
}

func appendHex(b []byte, v uint32, digits int) []byte {
	h := strconv.FormatUint(uint64(v), 16)
	b = append(b, strings.Repeat("0", digits-len(h))...)
	return append(b, h...)
}

// asciiJSON writes what is not printable ASCII in a JSON text as \u escapes. The text must be valid JSON: then such
// bytes occur inside strings only.
func asciiJSON(text []byte) []byte {
	s := string(text)
	if !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x7f }) {
		return text
	}
	b := make([]byte, 0, len(s)+16)
	for _, r := range s {
		switch {
		case r < 0x7f:
			b = append(b, byte(r))
		case r < 0x10000:
			b = append(b, `\u`...)
			b = appendHex(b, uint32(r), 4)
		default:
			r -= 0x10000
			b = append(b, `\u`...)
			b = appendHex(b, 0xd800+uint32(r)>>10, 4)
			b = append(b, `\u`...)
			b = appendHex(b, 0xdc00+uint32(r)&0x3ff, 4)
		}
	}
	return b
}
