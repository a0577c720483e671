package safetext

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// ASCII returns s as one line of printable ASCII. Every backslash is escaped. Text that needs no
// escape is returned without an allocation.
func ASCII(s string) string {
	for i := range len(s) {
		if !isPlain(s[i]) {
			return escape(s, func(r rune) bool { return r < utf8.RuneSelf && isPlain(byte(r)) })
		}
	}
	return s
}

func isPlain(b byte) bool { return b >= ' ' && b <= '~' && b != '\\' }

// Visible returns s as one line that a terminal only shows: whatever could move the cursor, change
// the title, hide or reorder text (C0, DEL, C1, bidirectional marks, invisible characters,
// ill-formed UTF-8) is escaped.
func Visible(s string) string {
	return escapeVisible(s, isShown)
}

// VisibleLines is [Visible] for text of several lines: line feeds and tabs stay.
func VisibleLines(s string) string {
	return escapeVisible(s, func(r rune) bool { return r == '\n' || r == '\t' || isShown(r) })
}

// Message is [Visible] for a message that quotes texts which are escaped already. It leaves every
// backslash as it is: escaped again, \x0A would read as \x5Cx0A.
func Message(s string) string { return escape(s, isShown) }

// isShown reports whether a terminal only shows r. The two joiners are invisible, but scripts and
// emoji need them.
func isShown(r rune) bool {
	return unicode.IsGraphic(r) || r == '\u200c' || r == '\u200d'
}

// escapeVisible keeps a backslash that cannot be taken for the beginning of an escape, so that
// paths stay readable.
func escapeVisible(s string, keep func(rune) bool) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r == '\\' || r == utf8.RuneError || !keep(r) }) {
		return s
	}
	parts := strings.SplitAfter(s, `\`)
	var b strings.Builder
	for i, part := range parts {
		text, hasBackslash := strings.CutSuffix(part, `\`)
		b.WriteString(escape(text, keep))
		switch {
		case !hasBackslash:
		case i+1 < len(parts) && parts[i+1] != "" && strings.ContainsRune("xu", rune(parts[i+1][0])):
			b.WriteString(`\x5C`)
		default:
			b.WriteByte('\\')
		}
	}
	return b.String()
}

// escape writes what keep refuses, and ill-formed UTF-8, as escapes.
func escape(s string, keep func(rune) bool) string {
	b := make([]byte, 0, len(s)+16)
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b = appendByte(b, s[i])
		case keep(r):
			b = append(b, s[i:i+size]...)
		case r < utf8.RuneSelf:
			b = appendByte(b, byte(r))
		default:
			b = append(b, `\u{`...)
			b = appendHex(b, uint32(r), 0)
			b = append(b, '}')
		}
		i += size
	}
	return string(b)
}

func appendByte(b []byte, c byte) []byte {
	return appendHex(append(b, `\x`...), uint32(c), 2)
}

// appendHex appends v in upper-case hexadecimal, with at least so many digits.
func appendHex(b []byte, v uint32, digits int) []byte {
	const hex = "0123456789ABCDEF"
	for n := max(digits, 1); n < 8 && v>>(4*n) > 0; n++ {
		digits = n + 1
	}
	for n := max(digits, 1) - 1; n >= 0; n-- {
		b = append(b, hex[v>>(4*n)&15])
	}
	return b
}
