package eventlog

import (
	"iter"
	"time"

	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/sse"
)

// HistoryEntry is a message of the history as it outlives the daemon.
type HistoryEntry struct {
	Seq    uint64
	To     []names.Target // as they were published, without those that others of them cover
	Except string
	Age    time.Duration // since it was published
	Body   []byte        // of its frame, see sse.Frame.Body; not to be written to
}

// Checkpoint is what one start leaves to the next: the id of the newest record, and the history.
type Checkpoint struct {
	Last sse.ID
	Len  int // of Entries

	// Entries are the messages of the history, oldest first. Their numbers ascend to at most that
	// of Last.
	Entries iter.Seq[HistoryEntry]
}
