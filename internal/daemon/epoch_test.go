package daemon

import (
	"testing"
	"time"
)

func TestEpochsDiffer(t *testing.T) {
	seen := map[string]bool{}
	now := time.Now()
	for range 20 {
		seen[newEpoch(now)] = true
	}
	if len(seen) < 19 { // one collision among 46,656 is bad luck, two are a fault
		t.Errorf("20 starts in one millisecond have %d epochs", len(seen))
	}
}
