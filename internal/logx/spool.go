package logx

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// spoolBytes bounds the records that wait to be written: a few seconds of a busy log.
	spoolBytes = 1 << 20
	// recordCost is the overhead of a record, in bytes.
	recordCost = 16
	// stuckAfter is how long one write may take before loggers stop waiting.
	stuckAfter = 100 * time.Millisecond
)

// spool is a bounded queue between loggers and the one goroutine that writes. Loggers never wait
// for a write: a record that does not fit is dropped and counted, and a notice with the number of
// lost records precedes the next one. The writer runs only while there is something to write, so an
// idle log has no goroutine.
type spool struct {
	// Fixed after creation.
	limit  int                                    // for the waiting bytes, with recordCost for each record
	chunk  int                                    // maximum bytes of one write, unless a single record is longer
	write  func(p []byte) (int, error)            // called by the writer only
	notice func(lost uint64, at time.Time) []byte // formats the record about lost ones; called by the writer only

	lostEver atomic.Uint64 // atomic

	mu       sync.Mutex // held for copying, never for writing; guards the fields below
	waiting  queue
	taken    queue  // what the writer is writing
	held     int    // bytes of both queues, with recordCost for each record
	lost     uint64 // records lost since the last one that fit
	isActive bool   // the writer runs
	isBroken bool   // the last write failed
	since    time.Time
	progress chan struct{} // closed after the writer's next step; nil: nobody waits for it

	// Owned by the writer.
	isCut bool // the last write ended in the middle of a record
}

// Write queues a record, or drops it if there is no room. It neither waits nor fails.
func (s *spool) Write(record []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held+len(record)+recordCost > s.limit {
		s.lose(1)
		return len(record), nil
	}
	s.waiting.add(record, s.lost)
	s.held += len(record) + recordCost
	s.lost = 0
	s.activate()
	return len(record), nil
}

// call makes the writer call do after the records that wait now.
func (s *spool) call(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting.addCall(do)
	s.activate()
}

// lostTotal returns how many records were dropped or could not be written so far.
func (s *spool) lostTotal() uint64 { return s.lostEver.Load() }

// flush waits until everything is written, and reports whether that was before ctx ended.
func (s *spool) flush(ctx context.Context) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.isActive {
		if !s.await(ctx, nil) {
			return false
		}
	}
	return true
}

// awaitRoom waits while more than half of the room is in use, for loggers that log much and may
// wait. It returns when the writer makes no progress or ctx ends.
func (s *spool) awaitRoom(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.held > s.limit/2 {
		left := stuckAfter
		if !s.since.IsZero() {
			left -= time.Since(s.since)
		}
		if left <= 0 {
			return // stuck
		}
		late := time.NewTimer(left)
		isInTime := s.await(ctx, late.C)
		late.Stop()
		if !isInTime {
			return
		}
	}
}

// await waits for the writer's next step, or until late, and reports whether that was before ctx
// ended. The caller holds s.mu, which await unlocks meanwhile.
func (s *spool) await(ctx context.Context, late <-chan time.Time) bool {
	if s.progress == nil {
		s.progress = make(chan struct{})
	}
	progress := s.progress
	s.mu.Unlock()
	defer s.mu.Lock()
	select {
	case <-progress:
		return true
	case <-late:
		return true
	case <-ctx.Done():
		return false
	}
}

// lose counts lost records. The caller holds s.mu.
func (s *spool) lose(n uint64) {
	s.lost += n
	s.lostEver.Add(n)
}

// activate starts the writer unless it is running. The caller holds s.mu.
func (s *spool) activate() {
	if !s.isActive {
		s.isActive = true
		go s.run()
	}
}

// run is the writer.
func (s *spool) run() {
	for {
		b, ok := s.next()
		if !ok {
			return
		}
		if b.call != nil {
			b.call()
		}
		isTold := true
		if b.lost > 0 {
			text := s.notice(b.lost, b.at)
			isTold = s.put(text, []int{len(text)}) == 1
		}
		s.done(b, isTold, s.put(b.bytes, b.ends))
	}
}

// next returns the next step of the writer, or false if there is none and the writer ends.
func (s *spool) next() (b batch, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken.isEmpty() {
		s.taken.reset()
		s.taken, s.waiting = s.waiting, s.taken
	}
	switch {
	case !s.taken.isEmpty():
		b = s.taken.take(s.chunk)
	case s.lost > 0 && !s.isBroken: // the next record may be a long time away
		b.lost, b.at = s.lost, time.Now()
		s.lost = 0
	default:
		s.isActive = false
		s.advance()
		return batch{}, false
	}
	s.since = time.Now()
	return b, true
}

// put writes the records that end at ends, and returns how many of them were written completely.
func (s *spool) put(text []byte, ends []int) (whole int) {
	if len(ends) == 0 {
		return 0
	}
	if s.isCut {
		if _, err := s.write([]byte("\n")); err != nil {
			return 0
		}
		s.isCut = false
	}
	n, err := s.write(text)
	if err == nil {
		return len(ends)
	}
	for whole < len(ends) && ends[whole] <= n {
		whole++
	}
	s.isCut = n > 0 && (whole == 0 || ends[whole-1] < n)
	return whole
}

// done records the result of a batch.
func (s *spool) done(b batch, isTold bool, whole int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !isTold {
		s.lost += b.lost // already in lostEver
	}
	s.lose(uint64(len(b.ends) - whole))
	s.isBroken = !isTold || whole < len(b.ends)
	s.held -= len(b.bytes) + recordCost*len(b.ends)
	s.since = time.Time{}
	s.advance()
}

// advance wakes the goroutines that wait for the writer. The caller holds s.mu.
func (s *spool) advance() {
	if s.progress != nil {
		close(s.progress)
		s.progress = nil
	}
}
