package names

import (
	"fmt"
	"strings"
)

// Bounds, in bytes.
const (
	MaxRoom     = 256
	MaxClientID = 64
	MaxEvent    = 128 // event names are identifiers of a program; the bound keeps them from carrying a second message
)

// ReservedEvents begins the names of the events that the daemon makes itself, such as hasses.gap. Publishers may not
// send them, so that pages can believe them.
const ReservedEvents = "hasses."

// notInRooms are the characters that the classic grammar uses as punctuation.
const notInRooms = ";=*"

// CheckRoom returns a *Fault unless name is 1 to MaxRoom bytes of UTF-8 without control characters, ';', '=' and '*'.
func CheckRoom(name string) error {
	if name == "" {
		return &Fault{0, "is empty"}
	}
	if at := strings.IndexAny(name, notInRooms); at >= 0 && at < MaxRoom {
		return &Fault{at, fmt.Sprintf("contains %q, which no room's name may have", name[at])}
	}
	return textFault(name, MaxRoom)
}

// CheckClientID returns a *Fault unless id is at most MaxClientID bytes of UTF-8 without control characters. The empty
// id is valid: a client need not have one.
func CheckClientID(id string) error { return textFault(id, MaxClientID) }

// CheckEvent returns a *Fault unless a publisher may name an event so. The empty name is valid and stands for the
// browser's default, "message".
//
// Beside what would break the stream (CR, LF and NUL; WHATWG HTML, section "Server-sent events") it refuses the
// daemon's own names, and "error" and "open": EventSource dispatches events of those names itself, and a page could not
// tell them apart.
func CheckEvent(name string) error {
	switch name {
	case "error", "open":
		return &Fault{0, fmt.Sprintf("is %q, which EventSource uses itself; choose another name", name)}
	}
	if strings.HasPrefix(name, ReservedEvents) {
		return &Fault{0, fmt.Sprintf("begins with %q, which is reserved for events of the daemon", ReservedEvents)}
	}
	return textFault(name, MaxEvent)
}
