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
	if at := strings.IndexAny(name, notInRooms); at >= 0 && at < MaxRoom {
		return &Fault{at, fmt.Sprintf("contains %q, which no room's name may have", name[at])}
	}
	return textFault(name, MaxRoom)
}

// CheckClientID returns a *Fault unless id is at most MaxClientID bytes of UTF-8 without control
// characters. The empty id is valid: a client need not have one.
func CheckClientID(id string) error { return textFault(id, MaxClientID) }
