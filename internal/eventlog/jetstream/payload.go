package jetstream

import (
	"fmt"

	"github.com/hassesd/hassesd/internal/eventlog"
)

// overhead is what a record has beside body and targets, and its message beside the record.
const overhead = 1 << 10

// tooLong returns an *eventlog.TooLongError if no broker would take the record.
func tooLong(m *message, limit int64) error {
	if limit == 0 {
		return nil
	}
	size := len(m.body) + overhead
	for _, t := range m.to {
		size += len(t.Name) + len("*") + 3
	}
	if int64(size) > limit {
		return &eventlog.TooLongError{Size: size, Limit: int(limit)}
	}
	return nil
}

// MaxRecord returns the length of the longest record of a message with so many bytes of data, if
// its lines are not short: each line adds six bytes.
func MaxRecord(messageBytes int) int {
	return messageBytes + messageBytes/8 + overhead + maxTargetBytes
}

// maxTargetBytes is about what the targets of a message take: a thousand of usual length.
const maxTargetBytes = 32 << 10

// CheckPayload returns an error if a broker's max_payload does not allow messages as long as the
// settings do.
func CheckPayload(maxPayload int64, messageBytes int) error {
	if need := MaxRecord(messageBytes); int64(need) > maxPayload {
		return fmt.Errorf("limits.message_bytes is %d, for which records of up to %d bytes are needed, and the broker's max_payload is %d: lower limits.message_bytes, or raise max_payload on every broker", messageBytes, need, maxPayload)
	}
	return nil
}
