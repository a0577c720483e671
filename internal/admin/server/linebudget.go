package server

import (
	"sync"
	"time"

	"github.com/hassesd/hassesd/internal/admin/lines"
)

// Bounds of what unfinished commands hold.
const (
	// lineGrace is how long a command may stay unfinished when others want the memory that it
	// holds.
	lineGrace = 5 * time.Second
	// linePatience is how long a command waits for memory before it is refused. It is longer than
	// lineGrace, so that a connection that holds all of it gives way first.
	linePatience = 10 * time.Second
)

// lineBudget bounds what the unfinished commands of all connections hold together. The first
// lines.KeptBuffer bytes of each are not counted: the number of connections bounds them, and an
// ordinary command never waits here.
type lineBudget struct {
	limit func() int64 // returns the present bound; nil: no bound
	grace time.Duration
	wait  time.Duration

	mu sync.Mutex
	// guarded by mu
	used    int64
	holders map[*lineHold]struct{} // connections that hold any of it
	freed   chan struct{}          // closed when some is given back; nil: nobody waits
}

// lineHold is one connection's part of the budget.
type lineHold struct {
	// Fixed after creation.
	budget *lineBudget
	evict  func()          // ends the connection for another; nil: it never has to give way
	stop   <-chan struct{} // ends every wait

	// Guarded by budget.mu.
	bytes     int64
	since     time.Time // when it began to hold some
	isEvicted bool
}

// resize makes the connection hold memory for a command of so many bytes. It waits for room if need
// be, and reports whether it got some. Giving back never waits.
func (h *lineHold) resize(size int) bool {
	b, want := h.budget, int64(max(0, size-lines.KeptBuffer))
	deadline := time.Now().Add(b.wait)
	for {
		freed, retry := h.take(want, time.Now())
		if freed == nil {
			return true
		}
		left := time.Until(deadline)
		if left <= 0 {
			return false
		}
		t := time.NewTimer(min(left, retry))
		select {
		case <-freed:
		case <-t.C:
		case <-h.stop:
			t.Stop()
			return false
		}
		t.Stop()
	}
}

// take takes want bytes if there is room. Otherwise it returns what to wait for, and when to ask
// again at the latest.
func (h *lineHold) take(want int64, now time.Time) (freed <-chan struct{}, retry time.Duration) {
	b := h.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	if more := want - h.bytes; more > 0 && b.limit != nil && h.evict != nil && b.used+more > b.limit() {
		retry = b.makeRoom(h, now)
		if b.freed == nil {
			b.freed = make(chan struct{})
		}
		return b.freed, retry
	}
	if want < h.bytes && b.freed != nil {
		close(b.freed)
		b.freed = nil
	}
	switch {
	case want == 0:
		delete(b.holders, h)
	case h.bytes == 0:
		if b.holders == nil {
			b.holders = make(map[*lineHold]struct{})
		}
		b.holders[h], h.since = struct{}{}, now
	}
	b.used += want - h.bytes
	h.bytes = want
	return nil, 0
}

// makeRoom ends the connection whose command has been unfinished for longest, if that is too long,
// and returns when to ask again. The caller holds mu.
func (b *lineBudget) makeRoom(h *lineHold, now time.Time) (retry time.Duration) {
	var oldest *lineHold
	for other := range b.holders {
		if other.evict != nil && !other.isEvicted && other != h && (oldest == nil || other.since.Before(oldest.since)) {
			oldest = other
		}
	}
	if oldest == nil {
		return b.grace
	}
	if left := b.grace - now.Sub(oldest.since); left > 0 {
		return left
	}
	oldest.isEvicted = true
	go oldest.evict() // it needs other locks
	return b.grace
}

// held returns how many bytes are held.
func (b *lineBudget) held() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}
