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

// TakeSample returns when a live event was published that Pop has returned the end of since the last
// call. It picks one event of 64, and the newest if there are several; ok is false if there is none.
func (s *Shard) TakeSample() (published time.Time, ok bool) {
	if !s.sample.isThere {
		return time.Time{}, false
	}
	return s.takeSample(), true
}

func (s *Shard) takeSample() time.Time {
	s.sample.isThere = false
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	return s.hub.history.start.Add(s.sample.at)
}

// Replays counts the streams of a shard that resumed, by what became of that.
type Replays struct {
	Complete  uint64 // the history had all that the client asked for, or the node gets it in a moment
	Gap       uint64 // it had not: the client was told of a gap
	Overtaken uint64 // the history dropped events before a slow client had got them: a gap, too
}

// Replays returns the counts.
func (s *Shard) Replays() Replays { return s.replays.counts }
