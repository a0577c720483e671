package server

import (
	"testing"
	"time"
)

func TestPacer(t *testing.T) {
	start := time.Unix(1000, 0)
	t.Run("no bound", func(t *testing.T) {
		var r pacer
		for range 1000 {
			if d := r.next(start, Pace{}, 1<<20); d != 0 {
				t.Fatalf("waits %s", d)
			}
		}
	})
	t.Run("messages", func(t *testing.T) {
		var r pacer
		now := start
		for i := range 11 { // a second's worth at once, and the next when that is paid for
			if d := r.next(now, Pace{Messages: 10}, 1); d != 0 {
				t.Fatalf("message %d waits %s", i, d)
			}
		}
		for i := range 50 { // and then ten a second
			d := r.next(now, Pace{Messages: 10}, 1)
			if d <= 0 || d > 100*time.Millisecond {
				t.Fatalf("message %d waits %s", i, d)
			}
			now = now.Add(d)
		}
		if spent := now.Sub(start); spent < 4900*time.Millisecond || spent > 5100*time.Millisecond {
			t.Errorf("50 messages took %s, want 5 s", spent)
		}
	})
	t.Run("bytes", func(t *testing.T) {
		var r pacer
		now := start
		total := time.Duration(0)
		for range 20 {
			d := r.next(now, Pace{Bytes: 1000}, 500)
			total += d
			now = now.Add(d)
		}
		if total < 8500*time.Millisecond || total > 9500*time.Millisecond { // 10 s of bytes, one of them at once
			t.Errorf("20 messages waited %s", total)
		}
	})
	t.Run("both", func(t *testing.T) {
		p := Pace{Messages: 100, Bytes: 1000}
		if a, b := p.price(1), p.price(500); a != 10*time.Millisecond || b != 500*time.Millisecond {
			t.Errorf("a short message costs %s, a long one %s", a, b)
		}
	})
	t.Run("after a rest", func(t *testing.T) {
		var r pacer
		r.next(start, Pace{Messages: 1}, 1)
		r.next(start, Pace{Messages: 1}, 1)
		later := start.Add(time.Hour)
		for range 2 {
			if d := r.next(later, Pace{Messages: 1}, 1); d != 0 {
				t.Errorf("waits %s", d)
			}
		}
		if d := r.next(later, Pace{Messages: 1}, 1); d <= 0 || d > time.Second {
			t.Errorf("an hour of rest saved up: waits %s", d)
		}
	})
}
