package tlsconn

// Gate bounds how many handshakes compute at the same time, so that a flood of them leaves the cores to the event
// loops. A handshake that waits for its peer's bytes holds no slot. A nil Gate bounds nothing.
type Gate struct {
	slots chan struct{}
}

// NewGate returns a gate with the given number of slots; less than one counts as one.
func NewGate(slots int) *Gate {
	return &Gate{slots: make(chan struct{}, max(slots, 1))}
}
