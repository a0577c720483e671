package reactortest

import (
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/reactor"
)

// patience is how long Until waits for other goroutines. It is long because
// machines are busy, and never used up in a test that passes.
const patience = 20 * time.Second

// NewLoop makes a loop on the kernel, with the options given but for Poller and
// Now. It is stopped at the end of the test.
func NewLoop(tb testing.TB, k *Kernel, o reactor.Options) (*reactor.Loop, *Poller) {
	tb.Helper()
	p := k.NewPoller()
	o.Poller, o.Now = p, k.Now
	l, err := reactor.New(o)
	if err != nil {
		tb.Fatalf("make a loop: %v", err)
	}
	tb.Cleanup(func() {
		if p.Closed() {
			return // the test ran it to its end
		}
		l.Stop()
		if err := l.Run(); err != nil {
			tb.Errorf("stop the loop: %v", err)
		}
	})
	return l, p
}

// Turn turns each loop n times without waiting.
func Turn(tb testing.TB, n int, loops ...*reactor.Loop) {
	tb.Helper()
	for range n {
		for _, l := range loops {
			if err := l.Turn(0); err != nil {
				tb.Fatalf("turn: %v", err)
			}
		}
	}
}

// Until turns a loop until what it and other goroutines do has made done true.
func Until(tb testing.TB, l *reactor.Loop, what string, done func() bool) {
	tb.Helper()
	deadline := time.Now().Add(patience)
	for !done() {
		if time.Now().After(deadline) {
			tb.Fatalf("waited in vain until %s", what)
		}
		if err := l.Turn(time.Millisecond); err != nil {
			tb.Fatalf("turn: %v", err)
		}
	}
}
