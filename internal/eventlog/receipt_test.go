package eventlog

import (
	"sync"
	"testing"

	"github.com/hassesd/hassesd/internal/sse"
)

func TestAReceiptIsDoneWhenEveryLoopHasCounted(t *testing.T) {
	t.Parallel()
	id := sse.ID{Epoch: "e", Seq: 7}
	isDone := func(r *Receipt) bool {
		done := isClosed(r.Done())
		if r.IsFinal() != done {
			t.Errorf("final: %t, done: %t", r.IsFinal(), done)
		}
		return done
	}
	r := NewReceipt(id)
	if isDone(r) || r.ID() != id {
		t.Errorf("a new receipt of %s is done: %t", r.ID(), isDone(r))
	}
	r.Expect(2)
	r.Add(3)
	if isDone(r) {
		t.Error("done before the second loop has counted")
	}
	r.Add(0)
	if !isDone(r) || r.Matched() != 3 {
		t.Errorf("done: %t, matched %d, want 3", isDone(r), r.Matched())
	}
	nobody := NewReceipt(id)
	nobody.Expect(0)
	if !isDone(nobody) || nobody.Matched() != 0 {
		t.Error("without loops, nothing is to be waited for")
	}
}

func TestNotifySignalsOnce(t *testing.T) {
	t.Parallel()
	calls := 0
	count := func() { calls++ }
	r := NewReceipt(sse.ID{Epoch: "e", Seq: 1})
	r.Expect(2)
	r.Add(1)
	if !r.Notify(count) || calls != 0 {
		t.Fatalf("before the end: %d calls", calls)
	}
	r.Add(2)
	if calls != 1 || r.Matched() != 3 {
		t.Errorf("%d calls, matched %d", calls, r.Matched())
	}
	r = NewReceipt(sse.ID{Epoch: "e", Seq: 2})
	r.Expect(1)
	r.Add(4)
	if r.Notify(count) || calls != 1 || r.Matched() != 4 {
		t.Errorf("afterwards: %d calls, matched %d", calls, r.Matched())
	}
	if r = NewSettledReceipt(sse.ID{}, 5); r.Notify(count) || calls != 1 {
		t.Errorf("of an earlier start: %d calls", calls)
	}
}

// A log may hand out a receipt before its follower knows of the message.
func TestNotifyBeforeTheFollowerHasTheMessage(t *testing.T) {
	t.Parallel()
	for _, loops := range []int{0, 1} {
		calls := 0
		r := NewReceipt(sse.ID{Epoch: "e", Seq: 1})
		if !r.Notify(func() { calls++ }) || calls != 0 || r.IsFinal() {
			t.Fatalf("%d loops: %d calls before Expect, final: %t", loops, calls, r.IsFinal())
		}
		r.Expect(loops)
		for range loops {
			r.Add(5)
		}
		if calls != 1 || r.Matched() != 5*loops || !isClosed(r.Done()) {
			t.Errorf("%d loops: %d calls, matched %d, done: %t", loops, calls, r.Matched(), isClosed(r.Done()))
		}
	}
}

// The publisher learns of the end, whether the loop finishes before Notify, after it, or meanwhile.
func TestNotifyMissesNothing(t *testing.T) {
	t.Parallel()
	for range 2000 {
		r := NewReceipt(sse.ID{Epoch: "e", Seq: 1})
		r.Expect(2)
		var loops sync.WaitGroup
		loops.Go(func() { r.Add(1) })
		loops.Go(func() { r.Add(1) })
		settled := make(chan struct{})
		if r.Notify(func() { close(settled) }) {
			<-settled
		}
		if r.Matched() != 2 {
			t.Fatalf("matched %d when it is final", r.Matched())
		}
		loops.Wait()
	}
}

// A caller of Done gets a channel that is closed in the end, whether it asks before the last Add or
// meanwhile.
func TestDoneMissesNothing(t *testing.T) {
	t.Parallel()
	for range 2000 {
		r := NewReceipt(sse.ID{Epoch: "e", Seq: 1})
		r.Expect(1)
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() { <-r.Done() })
		}
		r.Add(1)
		all.Wait()
		<-r.Done()
	}
}
