package sse

import "time"

// ReauthorizeEvent is the name of the event that tells a client that its credentials have expired.
const ReauthorizeEvent = "hasses.reauth"

// Reauthorize returns the last frame of a stream whose token or signed URL has expired. The page
// has about retry to get a new one before the browser reconnects.
func Reauthorize(retry time.Duration) []byte {
	b := appendRetry(nil, retry)
	b = appendField(b, "event", ReauthorizeEvent)
	b = appendField(b, "data", `{"reason":"expired"}`)
	return append(b, '\n')
}
