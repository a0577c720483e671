package main

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// visible is s as one line that a terminal only shows: what could move the cursor, change the title, hide or reorder
// text (C0, DEL, C1, bidirectional marks, anything invisible, what is not UTF-8) becomes an escape such as \x1b.
func visible(s string) string { return escape(s, isShown) }

// visibleText is [visible] for text of several lines: line feeds and tabs stay.
func visibleText(s string) string {
	return escape(s, func(r rune) bool { return r == '\n' || r == '\t' || isShown(r) })
}

// isShown tells characters that only show themselves. The two joiners are invisible, but scripts and emoji need them.
func isShown(r rune) bool {
	return unicode.IsGraphic(r) || r == '\u200c' || r == '\u200d'
}

func escape(s string, keep func(rune) bool) string {
	var b strings.Builder
	for i, r := range s {
		switch size := utf8.RuneLen(r); {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case keep(r):
			b.WriteString(s[i : i+size])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < utf8.RuneSelf:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r <= 0xFFFF:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	return b.String()
}

// isASCIIWord tells names that no shell and no terminal takes for anything but text.
func isASCIIWord(s string) bool {
	for _, r := range s {
		if r >= utf8.RuneSelf || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._-/:@+", r) {
			return false
		}
	}
	return s != "" && s[0] != '-'
}
