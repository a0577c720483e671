package reactor

import "fmt"

// Check returns an error if the loop's counters disagree with what it holds. It is for tests: it
// takes time in proportion to the number of sources and timers.
func (l *Loop) Check() error {
	l.owner.check()
	if err := l.sources.check(); err != nil {
		return err
	}
	return l.wheel.check()
}

func (t *table) check() error {
	open := 0
	for slot, s := range t.sources {
		if s == nil {
			continue
		}
		open++
		if s.token != (Token{Slot: int32(slot), Generation: t.generations[slot]}) {
			return fmt.Errorf("reactor: source in place %d has token %v", slot, s.token)
		}
		if s.state != sourceEdge && s.state != sourceLevel {
			return fmt.Errorf("reactor: source in place %d is not watched", slot)
		}
	}
	if open != t.open() {
		return fmt.Errorf("reactor: %d sources, %d counted", open, t.open())
	}
	return nil
}

func (w *wheel) check() error {
	pending := 0
	for level := range w.slots {
		if (w.used>>level&1 != 0) != (w.maps[level] != 0) {
			return fmt.Errorf("reactor: level %d is marked wrongly", level)
		}
		for slot, first := range w.slots[level] {
			if (w.maps[level]>>slot&1 != 0) != (first != nil) {
				return fmt.Errorf("reactor: slot %d of level %d is marked wrongly", slot, level)
			}
			if first == nil {
				continue
			}
			for t := first; ; t = t.next {
				pending++
				if t.next.prev != t {
					return fmt.Errorf("reactor: ring of slot %d of level %d is broken", slot, level)
				}
				if l, s := w.place(t.due); l != level || s != slot || t.due < w.elapsed {
					return fmt.Errorf("reactor: timer due at tick %d, now %d, is in slot %d of level %d", t.due, w.elapsed, slot, level)
				}
				if t.next == first {
					break
				}
			}
		}
	}
	if pending != w.pending {
		return fmt.Errorf("reactor: %d timers, %d counted", pending, w.pending)
	}
	return nil
}
