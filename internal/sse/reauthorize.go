package sse

import "time"

// ReauthorizeEvent is the name of the event that tells a client that what it has shown is over.
const ReauthorizeEvent = "hasses.reauth"

// Reauthorize is the last frame of a stream whose token or signed URL has ended. The page has about retry to get a new
// one before the browser comes back by itself.
func Reauthorize(retry time.Duration) []byte {
	b := appendRetry(nil, retry)
	b = appendField(b, "event", ReauthorizeEvent)
	b = appendField(b, "data", `{"reason":"expired"}`)
	return append(b, '\n')
}
