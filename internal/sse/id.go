package sse

import (
	"strconv"
	"strings"
)

// MaxEpoch bounds the length of an epoch, in bytes.
const MaxEpoch = 16

// maxIDText is the length of the longest id: epoch, '-' and the 20 digits of the largest uint64.
const maxIDText = MaxEpoch + 1 + 20

// ID identifies an event. The epoch differs for each life of the daemon, and the number grows
// within it. The text form is <epoch>-<number>.
type ID struct {
	Epoch string // 1 to MaxEpoch bytes of 0-9 and a-z
	Seq   uint64
}

// ParseID reads the text form. It accepts only what ID.String could have written.
func ParseID(s string) (ID, bool) {
	dash := strings.LastIndexByte(s, '-')
	if dash < 0 || len(s) > maxIDText {
		return ID{}, false
	}
	epoch, digits := s[:dash], s[dash+1:]
	if !ValidEpoch(epoch) || digits == "" || (digits[0] == '0' && digits != "0") {
		return ID{}, false
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return ID{}, false
		}
	}
	seq, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return ID{}, false
	}
	return ID{Epoch: epoch, Seq: seq}, true
}

// ValidEpoch reports whether s can be the epoch of an ID.
func ValidEpoch(s string) bool {
	if s == "" || len(s) > MaxEpoch {
		return false
	}
	for i := range len(s) {
		if (s[i] < '0' || s[i] > '9') && (s[i] < 'a' || s[i] > 'z') {
			return false
		}
	}
	return true
}

// IsLaterEpoch reports whether epoch a began after b: each is a time in base 36, and a log's next one
// is greater than the one before.
func IsLaterEpoch(a, b string) bool {
	if len(a) != len(b) {
		return len(a) > len(b)
	}
	return a > b
}

// String returns the text form.
func (id ID) String() string {
	return string(id.Append(make([]byte, 0, maxIDText)))
}

// Append appends the text form to b.
func (id ID) Append(b []byte) []byte {
	b = append(b, id.Epoch...)
	b = append(b, '-')
	return strconv.AppendUint(b, id.Seq, 10)
}
