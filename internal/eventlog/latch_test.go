package eventlog

import (
	"sync"
	"testing"
)

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestALatchOpensForAllWhoAsked(t *testing.T) {
	t.Parallel()
	var l latch
	before, again := l.opened(), l.opened()
	if l.isOpen() || isClosed(before) || before != again {
		t.Fatalf("open from the start: %t; one channel for all: %t", l.isOpen(), before == again)
	}
	l.open()
	if !l.isOpen() || !isClosed(before) || !isClosed(l.opened()) {
		t.Errorf("open: %t; closed: the channel from before %t, that from behind %t", l.isOpen(), isClosed(before), isClosed(l.opened()))
	}
}

func TestALatchNobodyAsksAllocatesNothing(t *testing.T) {
	latches := make([]latch, 101) // AllocsPerRun calls once more
	i := 0
	if n := testing.AllocsPerRun(100, func() {
		latches[i].open()
		if !isClosed(latches[i].opened()) {
			t.Error("not open")
		}
		i++
	}); n != 0 {
		t.Errorf("%g allocations", n)
	}
}

// A caller gets a channel that is closed in the end, whether it asks before the latch opens or
// meanwhile.
func TestALatchOpensWhileOthersAsk(t *testing.T) {
	t.Parallel()
	for range 2000 {
		var l latch
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() { <-l.opened() })
		}
		all.Go(l.open)
		all.Wait()
		if !l.isOpen() {
			t.Fatal("not open")
		}
	}
}
