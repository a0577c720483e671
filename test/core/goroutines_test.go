package core

import (
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

// TestStreamsCostNoGoroutine counts goroutines with few streams and with many.
func TestStreamsCostNoGoroutine(t *testing.T) {
	t.Parallel()
	count := func(streams int) int {
		d := harness.Start(t, "--log-level", "quiet")
		for range streams {
			d.Subscribe("subscribe=a")
		}
		d.AwaitStreams("a", streams)
		return d.Goroutines()
	}
	few, many := count(1), count(300)
	t.Logf("%d goroutines with 1 stream, %d with 300", few, many)
	if many > few+10 {
		t.Errorf("%d goroutines with 1 stream, %d with 300: they grow", few, many)
	}
}
