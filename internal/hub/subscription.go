package hub

import "github.com/hassesd/hassesd/internal/sse"

// Earliest as the LastEventID of a subscription resumes before the first event of the history. What
// the history does not have any more is no gap: the client has not asked for it.
const Earliest = "earliest"

// Subscription is what a stream asks for.
type Subscription struct {
	Rooms       []string // each passed names.CheckRoom; no doubles
	All         bool     // every room; Rooms is then ignored
	ClientID    string   // passed names.CheckClientID
	LastEventID string   // resume after this event; exactly as the client sent it, or Earliest; "" starts with what comes next
}

// Start is where a subscription begins.
type Start struct {
	ID  sse.ID     // for the preface: where the client is; everything the stream gets comes after it
	Gap *sse.Frame // not nil: the stream could not be resumed without a gap; already the first frame queued
}
