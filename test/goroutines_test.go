package test

import (
	"regexp"
	"syscall"
	"testing"
)

// TestStreamsCostNoGoroutine counts goroutines with few streams and with many.
func TestStreamsCostNoGoroutine(t *testing.T) {
	t.Parallel()
	count := func(streams int) int {
		d := start(t, "--log-level", "quiet")
		for range streams {
			d.subscribe("subscribe=a")
		}
		d.awaitStreams("a", streams)
		return d.goroutines()
	}
	few, many := count(1), count(300)
	t.Logf("%d goroutines with 1 stream, %d with 300", few, many)
	if many > few+10 {
		t.Errorf("%d goroutines with 1 stream, %d with 300: they grow", few, many)
	}
}

var goroutine = regexp.MustCompile(`(?m)^goroutine \d+ .*\[`)

// goroutines makes the runtime list its goroutines, which is the last thing the process does, and counts them.
func (d *daemon) goroutines() int {
	d.t.Helper()
	d.signal(syscall.SIGQUIT)
	d.wait(patience)
	d.log.mu.Lock()
	defer d.log.mu.Unlock()
	n := len(goroutine.FindAll(d.log.buf.Bytes(), -1))
	if n == 0 {
		d.t.Fatalf("no goroutines in the log:\n%.2000s", d.log.buf.Bytes())
	}
	return n
}
