package hub

import (
	"math/rand/v2"
	"strconv"
	"testing"
)

func itoa(n int) string { return strconv.Itoa(n) }

func TestFifo(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	var f fifo[int]
	pushed, popped := 0, 0
	for step := range 20000 {
		growing := step/2000%2 == 0
		if f.len() == 0 || (random.IntN(3) > 0) == growing {
			f.push(pushed)
			pushed++
		} else {
			if got := f.pop(); got != popped {
				t.Fatalf("pop = %d, want %d", got, popped)
			}
			popped++
		}
		if f.len() != pushed-popped {
			t.Fatalf("len = %d, want %d", f.len(), pushed-popped)
		}
		if n := f.len(); n > 0 && (f.at(0) != popped || f.at(n-1) != pushed-1) {
			t.Fatalf("at = %d … %d, want %d … %d", f.at(0), f.at(n-1), popped, pushed-1)
		}
	}
}

func TestFifoGivesMemoryBack(t *testing.T) {
	var f fifo[*int]
	for range 10000 {
		f.push(new(int))
	}
	for f.len() > 100 {
		f.pop()
	}
	if cap(f.items) > 1000 {
		t.Errorf("100 items keep room for %d", cap(f.items))
	}
	for _, p := range f.items[:f.head] {
		if p != nil {
			t.Error("a taken item is still held")
		}
	}
	for f.len() > 0 {
		f.pop()
	}
	if cap(f.items) > fifoKeep {
		t.Errorf("an empty list keeps room for %d items", cap(f.items))
	}
}
