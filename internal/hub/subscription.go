package hub

import "github.com/hassesd/hassesd/internal/sse"

// Subscription is what a stream asks for.
type Subscription struct {
	Rooms       []string // each passed names.CheckRoom; no doubles
	All         bool     // every room; Rooms is then ignored
	ClientID    string   // passed names.CheckClientID
	LastEventID string   // resume after this event; exactly as the client sent it; "" starts with what comes next
}

// Start is where a subscription begins.
type Start struct {
	ID  sse.ID     // for the preface: everything the stream gets comes after it
	Gap *sse.Frame // not nil: the stream could not be resumed without a gap; already the first frame queued
}
