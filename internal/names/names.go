package names

import (
	"fmt"
	"strings"
)

// Bounds, in bytes.
const (
	MaxRoom     = 256
	MaxClientID = 64
)

// notInRooms are the characters that the classic grammar uses as punctuation.
const notInRooms = ";=*"

// CheckRoom returns a *Fault unless name is 1 to MaxRoom bytes of UTF-8 without control characters,
// ';', '=' and '*'.
func CheckRoom(name string) error {
	if name == "" {
		return &Fault{0, "is empty"}
	}
	if isPlain(name) { // as nearly all are, and every message asks for each of its targets
		return nil
	}
	if at := strings.IndexAny(name, notInRooms); at >= 0 && at < MaxRoom {
		return &Fault{at, fmt.Sprintf("contains %q, which no room's name may have", name[at])}
	}
	return textFault(name, MaxRoom)
}

// isPlain reports whether a name is short enough for any room and consists of printable ASCII
// without punctuation of the classic grammar.
func isPlain(name string) bool {
	if len(name) > MaxRoom {
		return false
	}
	for i := range len(name) {
		if c := name[i]; c < ' ' || c > '~' || c == ';' || c == '=' || c == '*' {
			return false
		}
	}
	return true
}

// CheckClientID returns a *Fault unless id is at most MaxClientID bytes of UTF-8 without control
// characters. The empty id is valid: a client need not have one.
func CheckClientID(id string) error { return textFault(id, MaxClientID) }
