package names

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// A Fault states why a name is refused, and where.
type Fault struct {
	At     int    // offset of the first byte at fault
	Reason string // a predicate, such as "is longer than 64 bytes"
}

// Error implements error.
func (f *Fault) Error() string { return f.Reason }

// textFault checks that s has at most limit bytes, all of them UTF-8 without control characters.
func textFault(s string, limit int) error {
	for i, r := range s {
		switch {
		case i >= limit:
			return &Fault{limit, tooLong(limit)}
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			return &Fault{i, "is not valid UTF-8"}
		case isControl(r):
			return &Fault{i, "contains a control character"}
		}
	}
	if len(s) > limit {
		return &Fault{limit, tooLong(limit)}
	}
	return nil
}

func tooLong(limit int) string { return fmt.Sprintf("is longer than %d bytes", limit) }

// isControl reports whether r is one of C0, DEL and C1.
func isControl(r rune) bool { return r < 0x20 || r >= 0x7f && r < 0xa0 }
