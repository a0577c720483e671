package subscriber

import (
	"math"
	"testing"
	"time"
)

func TestMoments(t *testing.T) {
	for _, tt := range []struct{ at, before, after time.Duration }{
		{-time.Second, 0, momentUnit},
		{0, 0, momentUnit},
		{1, 0, momentUnit},
		{15 * time.Second, 15 * time.Second, 15 * time.Second},
		{15*time.Second + 1, 15 * time.Second, 15*time.Second + momentUnit},
		{15*time.Second - 1, 15*time.Second - momentUnit, 15 * time.Second},
		{farAway, farAway, farAway},
		{farAway + 1, farAway, farAway},
		{math.MaxInt64, farAway, farAway},
	} {
		if got := before(tt.at).duration(); got != tt.before {
			t.Errorf("before(%v) = %v, want %v", tt.at, got, tt.before)
		}
		if got := after(tt.at).duration(); got != tt.after {
			t.Errorf("after(%v) = %v, want %v", tt.at, got, tt.after)
		}
	}
}
