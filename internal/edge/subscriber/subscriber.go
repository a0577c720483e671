// Package subscriber is one subscription being served: what was granted, its replay, heartbeats, age and end. It knows no
// version of HTTP and no socket: a [Carrier] brings what it has to say to its client.
package subscriber

import (
	"time"

	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/sse"
)

// Carrier brings a subscriber's bytes to its client. Its methods are called while the hub delivers: they must not start or
// end any subscription.
type Carrier interface {
	// Ready: the subscriber has something to send, for an event that matched so many streams of this loop.
	Ready(s *Subscriber, matched int)
	// Blocked reports whether the client takes no bytes now.
	Blocked() bool
	// Overflow: the subscriber was too slow, and must be ended without another word, but not before the hub has returned.
	Overflow(s *Subscriber)
}

// Subscriber is one subscription, embedded by value in what carries it. What no delivery needs comes last.
type Subscriber struct {
	state     State
	step      int8 // of spread
	slot      int32
	carrier   Carrier
	set       *Set
	lastWrite time.Duration // since the start of the clock, as all times here
	stream    hub.Stream
	openedAt  time.Duration
	endsAt    time.Duration // when what it was opened with expires; 0: never
	reinits   uint32
}

// Grant is what a subscriber may have.
type Grant struct {
	hub.Subscription
	Until time.Time // it expires then; zero: never
}

// spreadSteps is in how many steps subscribers may differ.
const spreadSteps = 256

// Init prepares the zero value. number is the carrier's; subscribers with different ones are out of step.
func (s *Subscriber) Init(set *Set, carrier Carrier, number uint64) {
	const golden = 0x9E3779B97F4A7C15
	s.set, s.carrier, s.step = set, carrier, int8(int((number*golden)>>56)-spreadSteps/2)
}

// Start subscribes, or takes another subscription in place of the one before. It returns what the stream begins with;
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
	return sse.Preface(s.set.Jitter(retry), start.ID)
}

// setEnd notes when the grant expires. Until is by the wall clock, as tokens are; from here on it is a matter of elapsed
// time, which no change of the clock moves.
func (s *Subscriber) setEnd(now, until time.Time) {
	s.endsAt = 0
	if !until.IsZero() {
		// Neither in the past of the clock's start, where 0 is, nor beyond what can be counted to.
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

// Payload appends up to limit bytes of what is to be sent to dst. If it appends nothing, nothing is to be sent, or a replay
// has passed over so much that others come first: then the subscriber is not Empty.
func (s *Subscriber) Payload(dst []byte, limit int) []byte {
	if s.state == None || s.stream.Empty() {
		return dst
	}
	sent := s.stream.Sent()
	dst = s.stream.Pop(dst, limit)
	s.set.deliveries += s.stream.Sent() - sent
	return dst
}

// Wrote notes that something was sent to the client.
func (s *Subscriber) Wrote(now time.Duration) { s.lastWrite = now }

// Empty reports whether there is nothing to send.
func (s *Subscriber) Empty() bool { return s.stream.Empty() }

// QueueBytes returns the length of what is queued, without what a replay has still to bring.
func (s *Subscriber) QueueBytes() int { return s.stream.QueueBytes() }

// Carrier returns the carrier.
func (s *Subscriber) Carrier() Carrier { return s.carrier }

// ClientID returns the id that the client gave itself, or "".
func (s *Subscriber) ClientID() string { return s.stream.ClientID() }

// Rooms returns the rooms it is subscribed to.
func (s *Subscriber) Rooms() []string { return s.stream.Rooms() }

// All reports whether it is subscribed to every room.
func (s *Subscriber) All() bool { return s.stream.All() }

// Memberships returns in how many lists it is, which is what it costs to end it.
func (s *Subscriber) Memberships() int { return s.stream.Memberships() }

// Sent returns the number of events that were sent whole.
func (s *Subscriber) Sent() uint64 { return s.stream.Sent() }

// Dropped returns the number of events that the policy for slow streams took from it.
func (s *Subscriber) Dropped() uint64 { return s.stream.Dropped() }

// Reinits returns how often another subscription took the place of the one before.
func (s *Subscriber) Reinits() uint64 { return uint64(s.reinits) }

// OpenedAt returns when it was opened; 0: not yet.
func (s *Subscriber) OpenedAt() time.Duration { return s.openedAt }

// State returns where the subscriber is in its life.
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
	s.set.inState[s.state]--
	s.set.inState[to]++
	s.state = to
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
