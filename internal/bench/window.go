package bench

// window counts, for a closed loop, which messages of one room all streams of a worker have
// received. Messages complete in the order of their numbers.
type window struct {
	live  int      // streams that are waited for
	base  uint64   // the lowest number that is not complete
	count []uint32 // of streams that have had number n, at n % len; nil: not counted
}

// size makes room for as many messages as may be in flight.
func (w *window) size(inFlight int) {
	w.base, w.count = 1, make([]uint32, inFlight+1)
}

// join adds a stream that has not had anything yet.
func (w *window) join() { w.live++ }

// leave removes a stream that had all numbers before next, and returns how many messages that
// completes.
func (w *window) leave(next uint64) (completed int) {
	w.live--
	for seq := w.base; seq < next && w.count != nil; seq++ {
		w.count[seq%uint64(len(w.count))]--
	}
	return w.advance()
}

// settle notes that a stream has received the numbers from first to last, or lost them, and returns
// how many messages that completes.
func (w *window) settle(first, last uint64) (completed int) {
	if w.count == nil {
		return 0
	}
	for seq := max(first, w.base); seq <= last && seq < w.base+uint64(len(w.count)); seq++ {
		w.count[seq%uint64(len(w.count))]++
	}
	return w.advance()
}

func (w *window) advance() (completed int) {
	for w.live > 0 && w.count != nil && int(w.count[w.base%uint64(len(w.count))]) == w.live {
		w.count[w.base%uint64(len(w.count))] = 0
		w.base++
		completed++
	}
	return completed
}
