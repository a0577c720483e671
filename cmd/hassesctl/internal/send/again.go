package send

import (
	"context"
	"math/rand/v2"
	"time"
)

// Bounds of the pause before a message is sent again.
const (
	leastPause = 100 * time.Millisecond
	mostPause  = 2 * time.Second
)

// pause waits before the next attempt: longer each time, with jitter, and at least what was asked
// for. It reports whether there is time for another one.
func pause(ctx context.Context, attempt int, asked time.Duration) bool {
	wait := min(leastPause<<min(attempt, 10), mostPause)
	wait = max(wait/2+rand.N(wait/2), asked) //nolint:gosec // jitter is no secret
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
