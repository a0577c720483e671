// Package subscriber is one subscription being served: its grant, replay, heartbeats, age and end.
// It knows no version of HTTP and no socket: a [Carrier] sends its bytes to the client.
package subscriber

import (
	"time"

	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/sse"
)

// Carrier sends a subscriber's bytes to its client. Its methods are called while the hub delivers,
// and must not start or end any subscription.
type Carrier interface {
	// Ready is called when an event was queued. matched is how many streams of this loop the event
	// is for.
	Ready(s *Subscriber, matched int)
	// Blocked reports whether the client takes no bytes now.
	Blocked() bool
	// Overflow is called when the subscriber was too slow. It must be ended without a last frame, but
	// not before the hub has returned.
	Overflow(s *Subscriber)
}

// Subscriber is one subscription, embedded by value in what carries it. What no delivery needs
// comes last.
type Subscriber struct {
	state     State
	step      int8 // of spread
	kind      uint8
	slot      int32
	carrier   Carrier
	set       *Set
	lastWrite time.Duration // since the start of the clock, as all times here
	stream    hub.Stream
	openedAt  time.Duration
	endsAt    time.Duration // when what it was opened with expires; 0: never
	reinits   uint32
	aheadAt   uint32 // seconds until when its node may catch up with it, rounded up; 0: it is not ahead
}

// Grant is a subscription and how long it may last.
type Grant struct {
	hub.Subscription
	Until time.Time // it expires then; zero: never
}

// spreadSteps is how many different offsets spread has.
const spreadSteps = 256

// Init prepares the zero value. Subscribers with different numbers get different offsets from
// spread.
func (s *Subscriber) Init(set *Set, carrier Carrier, number uint64) {
	const golden = 0x9E3779B97F4A7C15
	s.set, s.carrier, s.step = set, carrier, int8(int((number*golden)>>56)-spreadSteps/2)
}

// SetKind sets what the subscriber is counted as: one of the caller's kinds, below [Kinds]. It must
// not be called while the subscriber is streaming.
func (s *Subscriber) SetKind(kind uint8) { s.kind = kind }

// Start subscribes, or replaces the current subscription. It returns the first bytes of the stream.
// retry is the base of retry:, before jitter.
func (s *Subscriber) Start(now time.Time, g Grant, retry time.Duration) []byte {
	switch s.state {
	case None:
		s.setState(Streaming)
		s.openedAt = s.set.Since(now)
		s.lastWrite = s.openedAt
	case Streaming:
		s.set.Shard.Unsubscribe(&s.stream)
		s.set.Shard.Release(&s.stream)
		s.reinits++
		s.set.reinits++
		s.set.changes++
	case Ending:
		panic("subscriber: internal error: a subscriber starts while it ends")
	}
	s.setEnd(now, g.Until)
	s.stream.Owner = s
	start := s.set.Shard.Subscribe(now, &s.stream, g.Subscription)
	s.aheadAt = 0
	if s.stream.IsAhead() {
		s.aheadAt = uint32((s.set.Since(now)+aheadWait)/time.Second) + 1
	}
	return sse.Preface(s.set.Jitter(retry), start.ID)
}

// setEnd sets when the grant expires. Tokens use the wall clock; from here on elapsed time counts,
// which clock changes do not affect.
func (s *Subscriber) setEnd(now, until time.Time) {
	s.endsAt = 0
	if !until.IsZero() {
		// At least 1, since 0 means never, and without overflow.
		s.endsAt = max(1, s.set.Since(now)+min(until.Sub(now), farAway))
	}
}

// farAway is longer than any stream lives.
const farAway = 100 * 365 * 24 * time.Hour

// End ends the subscription. What is queued can still be sent.
func (s *Subscriber) End() { s.setState(Ending) }

// Stop ends the subscription and throws away what is queued.
func (s *Subscriber) Stop() {
	if s.state != None {
		s.setState(None)
	}
}

// Payload appends up to limit bytes to dst. If it appends nothing although the subscriber is not
// Empty, a replay has examined its share of the history: call it again in another turn.
func (s *Subscriber) Payload(dst []byte, limit int) []byte {
	if s.state == None || s.stream.Empty() {
		return dst
	}
	sent := s.stream.Sent()
	dst = s.stream.Pop(dst, limit)
	s.set.deliveries += s.stream.Sent() - sent
	return dst
}

// Wrote records that something was sent to the client.
func (s *Subscriber) Wrote(now time.Duration) { s.lastWrite = now }

// Empty reports whether there is nothing to send.
func (s *Subscriber) Empty() bool { return s.stream.Empty() }

// QueueBytes returns the length of what is queued, not counting the rest of a replay.
func (s *Subscriber) QueueBytes() int { return s.stream.QueueBytes() }

// Carrier returns the carrier.
func (s *Subscriber) Carrier() Carrier { return s.carrier }

// ClientID returns the id that the client gave itself, or "".
func (s *Subscriber) ClientID() string { return s.stream.ClientID() }

// Rooms returns the rooms it is subscribed to.
func (s *Subscriber) Rooms() []string { return s.stream.Rooms() }

// All reports whether it is subscribed to every room.
func (s *Subscriber) All() bool { return s.stream.All() }

// Memberships returns in how many lists of the hub it is, which determines the cost of ending it.
func (s *Subscriber) Memberships() int { return s.stream.Memberships() }

// Sent returns the number of events that were sent whole.
func (s *Subscriber) Sent() uint64 { return s.stream.Sent() }

// Dropped returns the number of events that the policy for slow streams took from it.
func (s *Subscriber) Dropped() uint64 { return s.stream.Dropped() }

// Reinits returns how often a subscription was replaced.
func (s *Subscriber) Reinits() uint64 { return uint64(s.reinits) }

// OpenedAt returns when the subscriber was opened; 0 if it was not.
func (s *Subscriber) OpenedAt() time.Duration { return s.openedAt }

// State returns the current state.
func (s *Subscriber) State() State { return s.state }

// setState is the only way between states.
func (s *Subscriber) setState(to State) {
	switch to {
	case Streaming:
		if s.state != None {
			panic("subscriber: internal error: a subscriber is opened twice")
		}
		s.set.add(s)
		s.set.opened++
	case Ending:
		if s.state != Streaming {
			panic("subscriber: internal error: a subscriber ends that was not streaming")
		}
		s.set.Shard.Unsubscribe(&s.stream)
	case None:
		s.set.Shard.Unsubscribe(&s.stream)
		s.set.Shard.Release(&s.stream)
		s.set.remove(s)
	}
	s.set.changes++
	s.set.count(s, -1)
	s.state = to
	s.set.count(s, 1)
}

// Queued implements hub.Owner.
func (s *Subscriber) Queued(_ *hub.Stream, matched int) {
	if s.state == Streaming && !s.carrier.Blocked() { // otherwise the carrier goes on when the client takes bytes again
		s.carrier.Ready(s, matched)
	}
}

// Blocked implements hub.Owner.
func (s *Subscriber) Blocked(*hub.Stream) bool { return s.carrier.Blocked() }

// Overflow implements hub.Owner: limits.slow is close, and the queue is full.
func (s *Subscriber) Overflow(*hub.Stream) { s.carrier.Overflow(s) }

var _ hub.Owner = (*Subscriber)(nil)
