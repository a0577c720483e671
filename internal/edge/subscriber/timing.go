package subscriber

import (
	"time"

	"github.com/hassesd/hassesd/internal/sse"
)

// Timing is the configuration of subscribers' times. It is immutable: a reload makes a new one.
type Timing struct {
	HeartbeatInterval time.Duration // 0: none
	Heartbeat         *sse.Frame
	StreamAge         time.Duration // 0: no limit
	AgeFrom           time.Duration // no stream counts as older than from here
}

// Expiry is why a subscriber has expired.
type Expiry uint8

// The expiries.
const (
	NotExpired   Expiry = iota
	GrantExpired        // the token or signed URL that it was opened with
	Aged                // it has lived as long as it may
	TooFarAhead         // it resumed after an id that has not come here in time
)

// aheadWait is how long the node has to get what a client had from another one.
const aheadWait = 5 * time.Second

// Next returns when a streaming subscriber next needs a heartbeat or expires; 0 means never.
func (s *Subscriber) Next(t *Timing) (next time.Duration) {
	if t.HeartbeatInterval > 0 {
		next = s.beatsAt(t)
	}
	if t.StreamAge > 0 {
		if end := s.agesAt(t); next == 0 || end < next {
			next = end
		}
	}
	for _, m := range [...]moment{s.endsAt, s.aheadAt} {
		if at := m.duration(); at > 0 && (next == 0 || at < next) {
			next = at
		}
	}
	return next
}

// Expired returns why the subscriber has expired, or NotExpired.
func (s *Subscriber) Expired(t *Timing, now time.Duration) Expiry {
	switch {
	case s.endsAt > 0 && now >= s.endsAt.duration():
		return GrantExpired
	case t.StreamAge > 0 && now >= s.agesAt(t):
		return Aged
	case s.aheadAt > 0 && now >= s.aheadAt.duration():
		if s.stream.IsAhead() {
			return TooFarAhead
		}
		s.aheadAt = 0
	}
	return NotExpired
}

// Heartbeat queues a heartbeat if one is due, or will be within early, and reports whether it did.
// quiet: nothing else is on its way to the client. Writes do not reset the timer: when it fires,
// this checks how long the silence has lasted.
func (s *Subscriber) Heartbeat(t *Timing, now, early time.Duration, quiet bool) bool {
	if t.HeartbeatInterval == 0 || now+early < s.beatsAt(t) {
		return false
	}
	s.lastWrite = before(now) // a blocked stream is not silent; look again after another interval
	if !quiet || !s.stream.Empty() {
		return false
	}
	s.stream.Push(t.Heartbeat)
	return true
}

// beatsAt returns when the stream has been silent for the interval of heartbeats. Less than the unit
// of lastWrite counts as that: otherwise a heartbeat would be due again at once.
func (s *Subscriber) beatsAt(t *Timing) time.Duration {
	return s.lastWrite.duration() + max(s.spread(t.HeartbeatInterval), momentUnit)
}

// agesAt returns when the stream reaches its maximum age. A limit that a reload sets counts from
// the reload, so that it does not end all older streams at once.
func (s *Subscriber) agesAt(t *Timing) time.Duration {
	return max(s.openedAt.duration(), t.AgeFrom) + s.spread(t.StreamAge)
}

// spread returns d plus or minus up to a tenth, always the same for one subscriber, so that streams
// that were opened together do not act together.
func (s *Subscriber) spread(d time.Duration) time.Duration {
	return d + d/10*time.Duration(s.step)/(spreadSteps/2)
}
