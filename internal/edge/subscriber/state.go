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
