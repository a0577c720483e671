package admin

import (
	"strings"
	"unicode/utf8"
)

// Bounds of names, in bytes.
const (
	maxRoom     = 256
	maxClientID = 64
)

// fault says why something in a command is wrong, and at which byte of it.
type fault struct {
	at     int
	reason string
}

// targetFault checks a room, "prefix*" or "*".
func targetFault(target string) *fault {
	if target == "*" {
		return nil
	}
	return roomFault(strings.TrimSuffix(target, "*"))
}

// roomFault checks a room's name: 1 to 256 bytes of UTF-8 without control characters, ';', '=' and '*'.
func roomFault(room string) *fault {
	if room == "" {
		return &fault{0, "the room's name is missing"}
	}
	if i := strings.IndexAny(room, ";=*"); i >= 0 {
		return &fault{i, "'" + room[i:i+1] + "' cannot stand in a room's name"}
	}
	if f := textFault(room); f != nil {
		return f
	}
	if len(room) > maxRoom {
		return &fault{maxRoom, "the room's name is longer than 256 bytes"}
	}
	return nil
}

// clientIDFault checks a client's id: at most 64 bytes of UTF-8 without control characters; it may be empty.
func clientIDFault(id string) *fault {
	if f := textFault(id); f != nil {
		return f
	}
	if len(id) > maxClientID {
		return &fault{maxClientID, "the client id is longer than 64 bytes"}
	}
	return nil
}

// textFault finds what is not UTF-8, and control characters.
func textFault(s string) *fault {
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			return &fault{i, "not UTF-8"}
		case isControl(r):
			return &fault{i, "a control character"}
		}
	}
	return nil
}

// isControl says whether r is one of C0, DEL and C1.
func isControl(r rune) bool { return r < 0x20 || r >= 0x7f && r < 0xa0 }
