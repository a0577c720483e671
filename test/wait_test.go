package test

import (
	"testing"
	"time"
)

// patience is how long a test waits for what must happen; only a failure takes so long.
const patience = 30 * time.Second

// eventually polls until what is true.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	if !poll(patience, is) {
		t.Fatalf("not within %s: %s", patience, what)
	}
}

func poll(limit time.Duration, is func() bool) bool {
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
