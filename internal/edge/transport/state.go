package transport

// State is the life cycle of a connection. It only moves forward, and only through setState.
type State uint8

// The states.
const (
	Preamble    State = iota // bytes that come before the connection's own are expected
	Accepted                 // TLS: no byte has come yet, or the handshake waits for its turn
	Handshaking              // a goroutine owns the transport
	Open                     // the protocol is spoken
	Closing                  // what is queued goes out, then the end; input is thrown away
	Closed                   // the descriptor is gone
)

const numStates = int(Closed) + 1

var stateNames = [numStates]string{
	Preamble:    "preamble",
	Accepted:    "accepted",
	Handshaking: "handshaking",
	Open:        "open",
	Closing:     "closing",
	Closed:      "closed",
}

func (s State) String() string { return stateNames[s] }

// closeStep is the progress within Closing.
type closeStep uint8

const (
	closeOutput   closeStep = iota // the protocol's output is still going out
	closeNotified                  // the last byte and close_notify are sealed
	closeShut                      // our side of the socket is shut; waiting for the peer's end

	// Failing: Close follows in this turn or a later one, and nothing more is read or written.
	closeUnsaid // but close_notify, if the socket takes it
	closeSaid
)
