package jetstream

import (
	"testing"
	"time"
)

func TestHowPatientlyBrokersAreAsked(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ away, want time.Duration }{
		{0, leastAsk}, {4 * time.Second, leastAsk}, {16 * time.Second, 2 * time.Second}, {time.Hour, maxAsk},
	} {
		if got := askPatience(tt.away); got != tt.want {
			t.Errorf("%s without the log: %s", tt.away, got)
		}
	}
}
