package harness

import (
	"testing"
	"time"
)

// Patience is how long a test waits for what must happen. Only a failure takes that long.
const Patience = 30 * time.Second

// Eventually polls until is returns true, and fails the test when it does not within Patience. what names the condition.
func Eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	if !Poll(Patience, is) {
		t.Fatalf("not within %s: %s", Patience, what)
	}
}

func Poll(limit time.Duration, is func() bool) bool {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if is() {
			return true
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			return is()
		}
	}
}
