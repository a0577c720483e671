package eventsource

import (
	"strings"
	"unicode/utf8"
)

// decodeUTF8 reads bytes as browsers read an event stream (the WHATWG Encoding standard, "UTF-8
// decoder"): each maximal subpart of an ill-formed sequence becomes one U+FFFD, where package utf8
// gives one for each byte.
func decodeUTF8(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	var s strings.Builder
	s.Grow(len(b))
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r == utf8.RuneError && size == 1 {
			size = illFormed(b)
		}
		s.WriteRune(r)
		b = b[size:]
	}
	return s.String()
}

// illFormed returns the length of the maximal subpart at the beginning of b, which is not a
// character: what could still have become one (the Unicode standard, section 3.9, table 3-7), or a
// single byte.
func illFormed(b []byte) int {
	low, high := byte(0x80), byte(0xBF) // of the second byte
	length := 0                         // of the character that the first byte begins
	switch first := b[0]; {
	case first >= 0xC2 && first <= 0xDF:
		length = 2
	case first >= 0xE0 && first <= 0xEF:
		length = 3
		switch first {
		case 0xE0:
			low = 0xA0
		case 0xED:
			high = 0x9F
		}
	case first >= 0xF0 && first <= 0xF4:
		length = 4
		switch first {
		case 0xF0:
			low = 0x90
		case 0xF4:
			high = 0x8F
		}
	}
	n := 1
	for n < length && n < len(b) && b[n] >= low && b[n] <= high {
		n++
		low, high = 0x80, 0xBF
	}
	return n
}
