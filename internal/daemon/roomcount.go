package daemon

import (
	"context"
	"sync"
	"time"

	"github.com/hassesd/hassesd/internal/edge"
)

const (
	// roomCountTimeout bounds one count.
	roomCountTimeout = 10 * time.Second
	// roomCountWait is how long those who ask wait for a count: a daemon with few rooms has counted
	// them by then.
	roomCountWait = 50 * time.Millisecond
	// roomCountShare is the part of the time that may be spent on counting: one in so many.
	roomCountShare = 100
)

// roomCount remembers the number of rooms, which has to be counted over all loops. The zero value is
// ready. Its methods may be called from any goroutine.
type roomCount struct {
	mu sync.Mutex
	// Guarded by mu.
	rooms   int
	version uint64        // for which rooms is right
	again   time.Time     // no count before
	counted chan struct{} // closed at the end of the count that is under way; nil: none is
}

// roomsVersion returns a number that changes whenever the rooms may have.
func roomsVersion(st *edge.Stats) uint64 {
	n := st.StreamsOpened + st.Reinits
	for _, ended := range st.Closed {
		n += ended
	}
	return n
}

// get returns the number of rooms. If they may have changed, it has them counted, and waits for that
// up to roomCountWait.
func (r *roomCount) get(now time.Time, version uint64, count func(context.Context) (int, error)) int {
	if counted := r.begin(now, version, count); counted != nil {
		late := time.NewTimer(roomCountWait)
		defer late.Stop()
		select {
		case <-counted:
		case <-late.C:
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rooms
}

// begin has the rooms counted if that is due, and returns what is closed at the end of the count
// that is under way; nil if none is.
func (r *roomCount) begin(now time.Time, version uint64, count func(context.Context) (int, error)) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.counted != nil || version == r.version || now.Before(r.again) {
		return r.counted
	}
	counted := make(chan struct{})
	r.counted = counted
	go func() {
		defer close(counted)
		ctx, cancel := context.WithTimeout(context.Background(), roomCountTimeout)
		defer cancel()
		began := time.Now()
		rooms, err := count(ctx)
		took := time.Since(began)
		r.mu.Lock()
		defer r.mu.Unlock()
		if err == nil {
			r.rooms, r.version = rooms, version
		}
		r.again = began.Add(took * roomCountShare)
		r.counted = nil
	}()
	return counted
}
