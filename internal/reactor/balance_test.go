package reactor

import (
	"sync"
	"testing"
)

func TestBalancerSpreadsEvenly(t *testing.T) {
	b := NewBalancer(3)
	for range 300 {
		b.Pick()
	}
	for i := range 3 {
		if n := b.Load(i); n != 100 {
			t.Errorf("loop %d carries %d, want 100", i, n)
		}
	}
}

func TestBalancerFillsTheLeastLoaded(t *testing.T) {
	b := NewBalancer(4)
	for range 400 {
		b.Pick()
	}
	for range 50 {
		b.Done(2)
	}
	for range 50 {
		if i := b.Pick(); i != 2 {
			t.Fatalf("picked loop %d, want the one that carries less", i)
		}
	}
}

func TestBalancerFromManyGoroutines(t *testing.T) {
	b := NewBalancer(2)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 1000 {
				b.Done(b.Pick())
				b.Pick()
			}
		})
	}
	wg.Wait()
	one, two := b.Load(0), b.Load(1)
	if one+two != 8000 {
		t.Errorf("loads %d and %d, want 8000 together", one, two)
	}
	// Picks at the same moment may choose the same loop: one each at most.
	if d := one - two; d > 16 || d < -16 {
		t.Errorf("loads %d and %d are uneven", one, two)
	}
}

func TestBalancerNeverGoesBelowNothing(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	NewBalancer(1).Done(0)
}
