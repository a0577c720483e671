package subscriber

import (
	"time"

	"github.com/hassesd/hassesd/internal/sse"
)

// Timing is what the configuration says of a subscriber's times. It never changes: a reload makes a new one.
type Timing struct {
	HeartbeatInterval time.Duration // 0: none
	Heartbeat         *sse.Frame
	StreamAge         time.Duration // 0: no limit
	AgeFrom           time.Duration // no stream counts as older than from here
}

// Expiry is why a subscriber has had its time.
type Expiry uint8

// The expiries.
const (
	NotExpired   Expiry = iota
	GrantExpired        // the token or signed URL that it was opened with
	Aged                // it has lived as long as it may
)

// Next returns when the next thing must happen to a streaming subscriber; 0: never.
func (s *Subscriber) Next(t *Timing) (next time.Duration) {
	if t.HeartbeatInterval > 0 {
		next = s.lastWrite + s.spread(t.HeartbeatInterval)
	}
	if t.StreamAge > 0 {
		if end := s.agesAt(t); next == 0 || end < next {
			next = end
		}
	}
	if s.endsAt > 0 && (next == 0 || s.endsAt < next) {
		next = s.endsAt
	}
	return next
}

// Expired returns whether the subscriber has had its time, and why.
func (s *Subscriber) Expired(t *Timing, now time.Duration) Expiry {
	switch {
	case s.endsAt > 0 && now >= s.endsAt:
		return GrantExpired
	case t.StreamAge > 0 && now >= s.agesAt(t):
		return Aged
	}
	return NotExpired
}

// Heartbeat keeps a silent stream alive, if it is time, and reports whether there is something to send now. quiet: nothing
// else is on its way to the client. The timer is not touched by every write: it comes around and looks how long the silence
// has lasted.
func (s *Subscriber) Heartbeat(t *Timing, now time.Duration, quiet bool) bool {
	if t.HeartbeatInterval == 0 || now < s.lastWrite+s.spread(t.HeartbeatInterval) {
		return false
	}
	s.lastWrite = now // a blocked stream is not silent; look again after another interval
	if !quiet || !s.stream.Empty() {
		return false
	}
	s.stream.Push(t.Heartbeat)
	return true
}

// agesAt returns when the stream has lived as long as it may. A limit that a reload sets does not end older streams
// together: for them it counts from the reload.
func (s *Subscriber) agesAt(t *Timing) time.Duration {
	return max(s.openedAt, t.AgeFrom) + s.spread(t.StreamAge)
}

// spread returns d, up to a tenth more or less, always the same for one subscriber: streams that were opened together are
// out of step.
func (s *Subscriber) spread(d time.Duration) time.Duration {
	return d + d/10*time.Duration(s.step)/(spreadSteps/2)
}
