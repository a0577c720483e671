package bench

import (
	"math/rand/v2"
	"testing"
)

func TestWindowCompletesInOrder(t *testing.T) {
	t.Parallel()
	var w window
	w.size(4)
	w.join()
	w.join()
	for i, step := range []struct {
		do   func() int
		want int
	}{
		{func() int { return w.settle(1, 1) }, 0},
		{func() int { return w.settle(1, 1) }, 1},
		{func() int { return w.settle(2, 4) }, 0}, // 2 and 3 were passed over
		{func() int { return w.settle(2, 2) }, 1},
		{func() int { return w.settle(5, 5) }, 0},
		{func() int { return w.leave(3) }, 3}, // the other one has had all up to 5
		{func() int { return w.settle(6, 6) }, 1},
		{func() int { return w.leave(7) }, 0},
	} {
		if got := step.do(); got != step.want {
			t.Errorf("step %d completed %d, want %d", i, got, step.want)
		}
	}
}

func TestWindowNobodyAsksFor(t *testing.T) {
	t.Parallel()
	var w window
	w.join()
	if n := w.settle(1, 1000) + w.leave(1001); n != 0 {
		t.Errorf("%d completed without a window", n)
	}
}

// TestWindowAgainstAModel lets streams advance at random, lose messages and go, and counts anew
// each time.
func TestWindowAgainstAModel(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		const inFlight = 8
		var w window
		w.size(inFlight)
		next := []uint64{1, 1, 1, 1, 1} // of each live stream
		for range next {
			w.join()
		}
		completed := 0
		for range 400 {
			if rnd.IntN(100) == 0 && len(next) > 1 {
				completed += w.leave(next[0])
				next = next[1:]
			} else {
				i := rnd.IntN(len(next))
				to := next[i] + uint64(rnd.IntN(3)) // one, or one and passed ones
				if to < uint64(completed)+1+inFlight {
					completed += w.settle(next[i], to)
					next[i] = to + 1
				}
			}
			least := next[0]
			for _, n := range next {
				least = min(least, n)
			}
			if completed != int(least-1) {
				t.Fatalf("%d completed, want %d; streams expect %v", completed, least-1, next)
			}
		}
	}
}
