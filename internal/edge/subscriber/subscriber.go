// Package subscriber is one subscription being served: its grant, replay, heartbeats, age and end.
// It knows no version of HTTP and no socket: a [Carrier] sends its bytes to the client.
package subscriber

import (
	"time"

	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/sse"
)

// Carrier sends a subscriber's bytes to its client. As the hub's owner of the stream, it is told of
// events while the hub delivers, and must not start or end any subscription then. It needs no events
// of a subscriber that is not Streaming.
type Carrier interface {
	hub.Owner
	// Subscriber returns what it carries.
	Subscriber() *Subscriber
	// Set returns the set that the subscriber belongs to.
	Set() *Set
}

// Subscriber is one subscription, embedded by value in what carries it. What no delivery needs
// comes last.
type Subscriber struct {
	state     State
	step      int8 // of spread
	kind      uint8
	slot      int32
	lastWrite moment
	openedAt  moment
	stream    hub.Stream // its owner is the carrier
	endsAt    moment     // when what it was opened with expires; 0: never
	aheadAt   moment     // until when its node may catch up with it; 0: it is not ahead
	reinits   uint32
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
func (s *Subscriber) Init(carrier Carrier, number uint64) {
	const golden = 0x9E3779B97F4A7C15
	s.stream.Owner, s.step = carrier, int8(int((number*golden)>>56)-spreadSteps/2)
}

// set returns the set that the subscriber belongs to. No delivery needs it.
func (s *Subscriber) set() *Set { return s.Carrier().Set() }

// SetKind sets what the subscriber is counted as: one of the caller's kinds, below [Kinds]. It must
// not be called while the subscriber is streaming.
func (s *Subscriber) SetKind(kind uint8) { s.kind = kind }

// Start subscribes, or replaces the current subscription. It returns the first bytes of the stream.
// retry is the base of retry:, before jitter.
func (s *Subscriber) Start(now time.Time, g Grant, retry time.Duration) []byte {
	set := s.set()
	switch s.state {
	case None:
		s.setState(Streaming)
		s.openedAt = before(set.Since(now))
		s.lastWrite = s.openedAt
	case Streaming:
		set.Shard.Unsubscribe(&s.stream)
		set.Shard.Release(&s.stream)
		s.reinits++
		set.reinits++
		set.changes++
	case Ending:
		panic("subscriber: internal error: a subscriber starts while it ends")
	}
	s.endsAt = 0
	if !g.Until.IsZero() {
		// Tokens use the wall clock; from here on elapsed time counts, which clock changes do not
		// affect.
		s.endsAt = after(set.Since(now) + min(g.Until.Sub(now), farAway))
	}
	start := set.Shard.Subscribe(now, &s.stream, g.Subscription)
	s.aheadAt = 0
	if s.stream.IsAhead() {
		s.aheadAt = after(set.Since(now) + aheadWait)
	}
	return sse.Preface(set.Jitter(retry), start.ID)
}

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
	return s.stream.Pop(dst, limit)
}

// Wrote records that something was sent to the client.
func (s *Subscriber) Wrote(now time.Duration) { s.lastWrite = before(now) }

// Empty reports whether there is nothing to send.
func (s *Subscriber) Empty() bool { return s.stream.Empty() }

// QueueBytes returns the length of what is queued, not counting the rest of a replay.
func (s *Subscriber) QueueBytes() int { return s.stream.QueueBytes() }

// Carrier returns the carrier.
func (s *Subscriber) Carrier() Carrier { return s.stream.Owner.(Carrier) }

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

// OpenedAt returns when the subscriber was opened, in tenths of a second; 0 if it was not.
func (s *Subscriber) OpenedAt() time.Duration { return s.openedAt.duration() }

// State returns the current state.
func (s *Subscriber) State() State { return s.state }

// setState is the only way between states.
func (s *Subscriber) setState(to State) {
	set := s.set()
	switch to {
	case Streaming:
		if s.state != None {
			panic("subscriber: internal error: a subscriber is opened twice")
		}
		set.add(s)
		set.opened++
	case Ending:
		if s.state != Streaming {
			panic("subscriber: internal error: a subscriber ends that was not streaming")
		}
		set.Shard.Unsubscribe(&s.stream)
	case None:
		set.Shard.Unsubscribe(&s.stream)
		set.Shard.Release(&s.stream)
		set.remove(s)
	}
	set.changes++
	set.count(s, -1)
	s.state = to
	set.count(s, 1)
}
