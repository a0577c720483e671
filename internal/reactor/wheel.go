package reactor

import (
	"math/bits"
	"time"
)

const (
	// tick is the granularity of deadlines. All deadlines here are hundreds of milliseconds away or
	// more, and a coarse tick batches them.
	tick = 10 * time.Millisecond

	slotBits      = 6
	slotsPerLevel = 1 << slotBits // so that a level's bitmap is one word

	// levels of 64 slots reach 2^42 ticks, more than any time.Duration holds.
	levels = 7
)

// TimerHandler is called when a deadline has passed. The timer is then no longer pending and may be
// scheduled again.
type TimerHandler interface {
	HandleTimer(t *Timer, now time.Time)
}

// Timer is a deadline. Its owner embeds it by value. The zero value is ready for [Loop.Schedule]. A
// timer must not be copied or dropped while pending.
type Timer struct {
	next, prev *Timer // ring of the slot; nil: not pending
	handler    TimerHandler
	due        int64 // tick
}

// Pending reports whether the timer has a deadline that has not passed.
func (t *Timer) Pending() bool { return t.next != nil }

// wheel is a hierarchical timing wheel. It is not safe for concurrent use.
//
// A timer is at the level of the highest 6-bit digit in which its tick differs from elapsed, in the
// slot of that digit. So all timers of a level come before those of the next level, the earliest
// slot is the lowest bit of the lowest non-empty level, and a timer's slot follows from its tick
// alone.
//
// When time reaches the first tick of a slot above level 0, its timers move to lower levels.
type wheel struct {
	base    time.Time // tick 0
	elapsed int64     // everything due before this tick has fired
	now     int64     // tick of the last advance; nothing new is due before the next one
	pending int

	used  uint8 // bit per level: bitmap not 0
	maps  [levels]uint64
	slots [levels][slotsPerLevel]*Timer // any timer of the ring is first
}

// schedule sets t to at, rounded up to a tick and to the first tick after the
// last advance.
func (w *wheel) schedule(t *Timer, h TimerHandler, at time.Time) {
	if t.Pending() {
		w.remove(t)
	}
	due := w.now + 1
	if wait := at.Sub(w.base); wait > 0 {
		// Not (wait + tick - 1) / tick, which overflows for the longest wait.
		due = max(due, int64((wait-1)/tick)+1)
	}
	t.handler, t.due = h, due
	w.insert(t)
	w.pending++
}

// cancel removes t if it is pending.
func (w *wheel) cancel(t *Timer) {
	if t.Pending() {
		w.remove(t)
	}
}

// next returns when advance has work: at a deadline, or when a slot must be spread. It is never
// later than the first deadline.
func (w *wheel) next() (at time.Time, ok bool) {
	level, slot, ok := w.first()
	if !ok {
		return time.Time{}, false
	}
	return w.base.Add(time.Duration(w.begins(level, slot)) * tick), true
}

// advance moves the time to now and fires due timers in the order of their ticks, at most budget of
// them. It reports whether there are more.
func (w *wheel) advance(now time.Time, budget int) (more bool) {
	w.now = max(w.now, int64(now.Sub(w.base)/tick))
	for {
		level, slot, ok := w.first()
		if !ok {
			break
		}
		begin := w.begins(level, slot)
		if begin > w.now {
			break
		}
		w.elapsed = begin
		if level > 0 {
			w.spread(level, slot)
			continue
		}
		for w.slots[0][slot] != nil {
			if budget == 0 {
				return true
			}
			budget--
			t := w.slots[0][slot]
			w.remove(t)
			t.handler.HandleTimer(t, now)
		}
	}
	// The remaining timers are in slots that start after now, so this changes no timer's level.
	w.elapsed = w.now
	return false
}

// first returns the earliest non-empty slot.
func (w *wheel) first() (level, slot int, ok bool) {
	if w.used == 0 {
		return 0, 0, false
	}
	level = bits.TrailingZeros8(w.used)
	return level, bits.TrailingZeros64(w.maps[level]), true
}

// begins returns the first tick of a slot.
func (w *wheel) begins(level, slot int) int64 {
	shift := level * slotBits
	above := w.elapsed >> (shift + slotBits) << (shift + slotBits)
	return above | int64(slot)<<shift
}

// place returns the slot of a timer due at the given tick, which is not before elapsed.
func (w *wheel) place(due int64) (level, slot int) {
	if differ := uint64(due ^ w.elapsed); differ != 0 {
		level = (bits.Len64(differ) - 1) / slotBits
	}
	return level, int(due>>(level*slotBits)) & (slotsPerLevel - 1)
}

// spread moves the timers of a slot to lower levels.
func (w *wheel) spread(level, slot int) {
	first := w.slots[level][slot]
	w.empty(level, slot)
	first.prev.next = nil
	for t := first; t != nil; {
		after := t.next
		w.insert(t)
		t = after
	}
}

func (w *wheel) insert(t *Timer) {
	level, slot := w.place(t.due)
	first := w.slots[level][slot]
	if first == nil {
		t.next, t.prev = t, t
		w.slots[level][slot] = t
		w.maps[level] |= 1 << slot
		w.used |= 1 << level
		return
	}
	t.next, t.prev = first, first.prev
	first.prev.next = t
	first.prev = t
}

func (w *wheel) remove(t *Timer) {
	level, slot := w.place(t.due)
	switch {
	case t.next == t:
		w.empty(level, slot)
	case w.slots[level][slot] == t:
		w.slots[level][slot] = t.next
		fallthrough
	default:
		t.prev.next = t.next
		t.next.prev = t.prev
	}
	t.next, t.prev = nil, nil
	w.pending--
}

func (w *wheel) empty(level, slot int) {
	w.slots[level][slot] = nil
	w.maps[level] &^= 1 << slot
	if w.maps[level] == 0 {
		w.used &^= 1 << level
	}
}
