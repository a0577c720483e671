package subscriber

import (
	"errors"
	"time"

	"github.com/hassesd/hassesd/internal/hub"
)

// Set is the subscribers of one event loop. All of it runs on that loop.
type Set struct {
	// Fixed after creation.
	Shard  *hub.Shard
	Start  time.Time                           // of the clock
	Jitter func(d time.Duration) time.Duration // d, up to a half more or less

	// Owned by the loop.
	members   []*Subscriber // dense; a subscriber knows its slot
	inState   [numStates]int
	streaming [Kinds]int // of inState[Streaming]
	opened    uint64
	reinits   uint64
	changes   uint64 // of these counters
}

// Kinds is how many kinds of subscribers are told apart.
const Kinds = 8

// Since returns the time since the start of the clock.
func (t *Set) Since(now time.Time) time.Duration { return now.Sub(t.Start) }

// Len returns the number of subscribers in any state but None.
func (t *Set) Len() int { return len(t.members) }

// At returns the subscriber in a slot. New subscribers are appended, and the last one fills the
// slot of one that leaves: a walk from the last slot to the first misses none.
func (t *Set) At(slot int) *Subscriber { return t.members[slot] }

// Streaming returns the number of subscribers in the state Streaming.
func (t *Set) Streaming() int { return t.inState[Streaming] }

// StreamingOf returns how many of them are of a kind.
func (t *Set) StreamingOf(kind uint8) int { return t.streaming[kind] }

// Opened returns how many subscribers have been opened.
func (t *Set) Opened() uint64 { return t.opened }

// Reinits returns how often a subscription was replaced.
func (t *Set) Reinits() uint64 { return t.reinits }

// Changes returns a number that grows whenever one of the counters except Deliveries changes.
func (t *Set) Changes() uint64 { return t.changes }

// Deliveries returns how many events were sent whole.
func (t *Set) Deliveries() uint64 { return t.Shard.Sent() }

func (t *Set) add(s *Subscriber) {
	s.slot = int32(len(t.members))
	t.members = append(t.members, s)
}

// count adds change to the counters of what the subscriber is now.
func (t *Set) count(s *Subscriber, change int) {
	t.inState[s.state] += change
	if s.state == Streaming {
		t.streaming[s.kind] += change
	}
}

func (t *Set) remove(s *Subscriber) {
	last := len(t.members) - 1
	moved := t.members[last]
	t.members[s.slot] = moved
	moved.slot = s.slot
	t.members[last] = nil
	t.members = t.members[:last]
}

// Check compares the counters with what they count; it is for tests.
func (t *Set) Check() error {
	var in [numStates]int
	var of [Kinds]int
	var queued int64
	for i, s := range t.members {
		if int(s.slot) != i {
			return errors.New("subscriber: a subscriber does not know its slot")
		}
		if s.state == None {
			return errors.New("subscriber: a subscriber that is over is still listed")
		}
		in[s.state]++
		if s.state == Streaming {
			of[s.kind]++
		}
		queued += int64(s.stream.QueueBytes())
	}
	if in[Streaming] != t.inState[Streaming] || in[Ending] != t.inState[Ending] {
		return errors.New("subscriber: wrong count of subscribers in a state")
	}
	if of != t.streaming {
		return errors.New("subscriber: wrong count of subscribers of a kind")
	}
	if queued != t.Shard.QueuedBytes() {
		return errors.New("subscriber: wrong count of what is queued")
	}
	return nil
}
