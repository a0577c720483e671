package subscriber

// State is where a subscriber is in its life: None, Streaming, perhaps Ending, and None again.
type State uint8

// The states.
const (
	None      State = iota // there is no subscription, and nothing to send
	Streaming              // subscribed
	Ending                 // not subscribed any more; what is queued goes out
)

const numStates = int(Ending) + 1

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
