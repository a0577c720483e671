package subscriber

// State is the life cycle of a subscriber: None, Streaming, perhaps Ending, and None again.
type State uint8

// The states.
const (
	None      State = iota // there is no subscription, and nothing to send
	Streaming              // subscribed
	Ending                 // not subscribed any more; what is queued goes out
)

const numStates = int(Ending) + 1
