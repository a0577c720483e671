package hub

import "time"

// Subscribe makes st a member of its rooms and fixes the point where replay ends and live events
// begin. A stream that is subscribed is unsubscribed first. What is queued from an earlier
// subscription is discarded, except for the rest of a frame that Pop has begun.
func (s *Shard) Subscribe(now time.Time, st *Stream, sub Subscription) Start {
	if st.phase != unsubscribed {
		st.shard.Unsubscribe(st)
	}
	st.account(-st.queue.bytes)
	st.queue.discard()
	st.gap = nil
	st.shard = s
	s.join(st, sub)
	s.interest.add(s.hub.seed, st, 1)
	start := s.hub.start(now, st, sub.LastEventID)
	s.backlog.queued += int64(st.queue.bytes)
	return start
}

// Unsubscribe ends the subscription: no more events are queued, and a replay stops. What is queued
// can still be popped. Doing it twice is harmless.
func (s *Shard) Unsubscribe(st *Stream) {
	if st.phase == unsubscribed {
		return
	}
	s.interest.add(s.hub.seed, st, -1)
	s.leave(st)
	st.setPhase(unsubscribed)
}

// Release throws away what is queued for a stream that is not subscribed, at its end. Doing it
// twice is harmless.
func (s *Shard) Release(st *Stream) {
	if st.phase != unsubscribed {
		panic("hub: internal error: a subscribed stream is released")
	}
	s.backlog.queued -= int64(st.queue.bytes)
	st.queue = queue{}
}
