package hub

import "time"

// sampleEvery is of how many events that were popped one is sampled.
const sampleEvery = 64

// sample is a live event that was popped and is to be measured. It is owned by the loop.
type sample struct {
	skip    int           // events to be passed over before the next one
	at      time.Duration // when it was published, since history.start
	isThere bool
}

// offer takes every so many events as the sample. What came by a replay, up to the number after, is
// old on purpose and never taken.
func (s *sample) offer(rec *record, after uint64) {
	if s.skip > 0 {
		s.skip--
		return
	}
	if rec.seq > after {
		*s = sample{skip: sampleEvery - 1, at: rec.at, isThere: true}
	}
}
