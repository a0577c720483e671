package safetext

import (
	"strings"
	"unicode/utf8"
)

// Cut returns the first bytes of s, at most limit, without cutting a character in two.
func Cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for cut := limit; cut > limit-utf8.UTFMax && cut >= 0; cut-- {
		if utf8.RuneStart(s[cut]) {
			return s[:cut]
		}
	}
	return s[:limit] // not UTF-8
}

// quoteMost is how much of a word is quoted, in bytes: an error message stays a line.
const quoteMost = 64

// Quote returns s in quotation marks for a message that people read. It shows the first 64 bytes of
// longer text, and an ellipsis.
func Quote(s string) string {
	short := Cut(s, quoteMost)
	quoted := `"` + strings.ReplaceAll(Visible(short), `"`, `\x22`) + `"`
	if len(short) < len(s) {
		quoted += "…"
	}
	return quoted
}

// JSON returns a JSON text with all that is not printable ASCII as \u escapes. The text must be
// valid JSON: then such characters stand inside strings only (RFC 8259, section 7).
func JSON(text []byte) []byte {
	return escapeJSON(text, func(r rune) bool { return r < 0x7f })
}

// VisibleJSON returns a JSON text as [JSON] does, but keeps every character that a terminal only
// shows. The document stays the same, and is safe to look at. Line feeds between its values stay
// too.
func VisibleJSON(text []byte) []byte {
	return escapeJSON(text, func(r rune) bool { return r == '\n' || isShown(r) })
}

func escapeJSON(text []byte, keep func(rune) bool) []byte {
	s := string(text)
	if !strings.ContainsFunc(s, func(r rune) bool { return !keep(r) }) {
		return text
	}
	b := make([]byte, 0, len(s)+16)
	for _, r := range s {
		switch {
		case keep(r):
			b = utf8.AppendRune(b, r)
		case r < 0x10000:
			b = appendJSONUnit(b, uint32(r))
		default:
			r -= 0x10000
			b = appendJSONUnit(b, 0xd800+uint32(r)>>10)
			b = appendJSONUnit(b, 0xdc00+uint32(r)&0x3ff)
		}
	}
	return b
}

func appendJSONUnit(b []byte, unit uint32) []byte {
	const hex = "0123456789abcdef" // as encoding/json writes them
	return append(b, '\\', 'u', hex[unit>>12&15], hex[unit>>8&15], hex[unit>>4&15], hex[unit&15])
}
