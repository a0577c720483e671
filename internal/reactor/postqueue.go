package reactor

import "sync"

// postQueue is the queue of functions that other goroutines post to the loop.
type postQueue struct {
	limit int // fixed

	mu      sync.Mutex
	waiting []func() // guarded by mu, as are the fields below; the first taken functions are gone
	taken   int
	ended   bool
	room    chan struct{} // closed when there is room again; nil: nobody waits for it
}

// put appends fn. With ErrFull, it also returns a channel that is closed when there is room again.
func (q *postQueue) put(fn func()) (room <-chan struct{}, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.ended:
		return nil, ErrStopped
	case len(q.waiting)-q.taken >= q.limit:
		if q.room == nil {
			q.room = make(chan struct{})
		}
		return q.room, ErrFull
	}
	if q.taken > 0 && len(q.waiting) == cap(q.waiting) {
		n := copy(q.waiting, q.waiting[q.taken:])
		clear(q.waiting[n:])
		q.waiting, q.taken = q.waiting[:n], 0
	}
	q.waiting = append(q.waiting, fn)
	return nil, nil
}

// take moves functions into batch, as many as fit, and reports whether there are more.
func (q *postQueue) take(batch []func()) (n int, more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n = copy(batch, q.waiting[q.taken:])
	clear(q.waiting[q.taken : q.taken+n])
	q.taken += n
	if q.taken == len(q.waiting) {
		q.waiting, q.taken = q.waiting[:0], 0
	}
	if n > 0 {
		q.notify()
	}
	return n, q.taken < len(q.waiting)
}

// end refuses further functions. Those that wait can still be taken.
func (q *postQueue) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ended = true
	q.notify()
}

func (q *postQueue) notify() {
	if q.room != nil {
		close(q.room)
		q.room = nil
	}
}
