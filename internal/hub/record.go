package hub

import (
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/sse"
)

// record is a message with its number. It is immutable once it is in an inbox, and shared by the
// history, all inboxes and all queues.
type record struct {
	frame  *sse.Frame
	seq    uint64 // the hub's number of it; see era
	size   int64  // what it counts against the bounds of inboxes and of the history
	to     eventlog.Targets
	except string

	// Set by the history.
	at  time.Duration // when it was published, since history.start; never before the record in front of it
	end int64         // the sizes of all records that went into the history, up to this one
}

// targetBytes is about what it takes in memory, beside its name, that a record is found by one more
// target. Without it a message to a thousand rooms of two letters would count as nothing.
const targetBytes = 128

// newRecord returns a record. Its size is the frame and the names that it is found by.
func newRecord(frame *sse.Frame, to eventlog.Targets, except string) *record {
	r := &record{frame: frame, seq: frame.Seq(), to: to, except: except, size: int64(frame.Len() + (len(to)-1)*targetBytes)}
	for _, t := range to {
		r.size += int64(len(t.Name))
	}
	return r
}

// isMark reports whether the record is no message, but tells every stream of a gap. Such a frame has
// no number.
func (r *record) isMark() bool { return r.frame.Seq() == 0 }

// excepts reports whether the message is not for a client of that id.
func (r *record) excepts(clientID string) bool { return r.except != "" && r.except == clientID }

// ordinals identify records of the history, ascending. They count records as they came, and have no
// gaps even where the numbers of the log have some.
type ordinals []uint64
