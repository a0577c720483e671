package transport

import "time"

// State is where a connection is in its life. It moves forward only, and only through setState.
type State uint8

// The states.
const (
	Accepted    State = iota // TLS: no byte has come yet, or the handshake waits for its turn
	Handshaking              // a goroutine owns the transport
	Open                     // the protocol is spoken
	Closing                  // what is queued goes out, then the end; input is thrown away
	Closed                   // the descriptor is gone
)

const numStates = int(Closed) + 1

var stateNames = [numStates]string{
	Accepted:    "accepted",
	Handshaking: "handshaking",
	Open:        "open",
	Closing:     "closing",
	Closed:      "closed",
}

func (s State) String() string { return stateNames[s] }

// DrainTime is how long the last bytes of a connection may take to leave.
const DrainTime = 5 * time.Second

// LingerTime is how long a connection whose end was sent waits for the peer's, so that the kernel does not answer late
// bytes with a reset that would throw away what the peer has not read yet.
const LingerTime = 2 * time.Second

// setState is the only way between states.
func (c *Conn) setState(s State) {
	if s < c.state || c.state == Closed {
		panic("transport: internal error: connection goes from " + c.state.String() + " to " + s.String())
	}
	c.loop.inState[c.state]--
	c.loop.inState[s]++
	c.state = s
	switch s {
	case Accepted:
		panic("transport: internal error: connection enters its first state twice")
	case Handshaking:
		// The deadline set at accept covers the wait and the handshake together.
	case Open:
		// The protocol sets its own.
	case Closing:
		// A peer that takes nothing must not keep the descriptor: what is queued has this long to go out.
		c.setTimeout(DrainTime)
	case Closed:
		c.ClearDeadline()
		c.setBlocked(false)
	}
}

// setBlocked notes whether the socket takes no bytes now.
func (c *Conn) setBlocked(is bool) {
	switch {
	case is == c.blocked:
		return
	case is:
		c.loop.blocked++
	default:
		c.loop.blocked--
	}
	c.blocked = is
}
