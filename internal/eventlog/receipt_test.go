package eventlog

import (
	"testing"

	"github.com/hassesd/hassesd/internal/sse"
)

func TestAReceiptIsDoneWhenEveryLoopHasCounted(t *testing.T) {
	t.Parallel()
	id := sse.ID{Epoch: "e", Seq: 7}
	isDone := func(r *Receipt) bool {
		select {
		case <-r.Done():
			return true
		default:
			return false
		}
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
