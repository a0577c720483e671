package admission

import (
	"net/netip"
	"time"
)

// Limits are the bounds of one network; an IPv6 /48 has four times those of its /64s. They may be replaced at any time.
type Limits struct {
	Connections int // at one time; 0: no bound
	Handshakes  int // in flight; 0: no bound
	Rate        int // handshakes that may begin in a second, in the long run; 0: no bound
	Burst       int // handshakes that may begin at once after a rest; at least 1 when Rate is set
	Penalties   Mode

	Exempt   []netip.Prefix // networks without any of these bounds
	Loopback Bounds         // the bounds that this machine's own addresses do not have either
}

// Bounds is a set of the limits that are counted for each network.
type Bounds uint8

// The bounds.
const (
	BoundConnections Bounds = 1 << iota
	BoundHandshakes
	BoundRate
	BoundPenalties

	allBounds = BoundConnections | BoundHandshakes | BoundRate | BoundPenalties
)

// Lifts says whether an address does not have the bound.
func (l *Limits) Lifts(a netip.Addr, bound Bounds) bool { return l.lifted(a)&bound != 0 }

// lifted are the bounds that an address does not have.
func (l *Limits) lifted(a netip.Addr) Bounds {
	a = a.Unmap().WithZone("")
	for _, p := range l.Exempt {
		if p.Contains(a) {
			return allBounds
		}
	}
	if a.IsLoopback() {
		return l.Loopback
	}
	return 0
}

// Mode is what penalties do.
type Mode uint8

// The modes.
const (
	PenaltiesOff    Mode = iota // offences are not remembered
	PenaltiesDryRun             // they are, and what would be refused is counted and let in
	PenaltiesOn                 // who has a penalty is refused
)

var modeNames = [...]string{PenaltiesOff: "off", PenaltiesDryRun: "dry-run", PenaltiesOn: "on"}

func (m Mode) String() string { return modeNames[m] }

// ParseMode reads what String writes.
func ParseMode(s string) (Mode, bool) {
	for m, name := range modeNames {
		if name == s {
			return Mode(m), true
		}
	}
	return 0, false
}

// Offence is what a stranger did wrong. The set is closed.
type Offence uint8

// The offences.
const (
	HandshakeFailed  Offence = iota // it left or failed when a handshake had cost us something, or was slow and held its place from others
	HandshakeTimeout                // it did not end its handshake in time
	ProtocolBroken                  // what it sent is not TLS, nothing that an honest client sends, or more than it has reason to send
	RequestTimeout                  // it began a request and did not end it in time
)

const numOffences = RequestTimeout + 1

var offenceNames = [numOffences]string{
	HandshakeFailed:  "handshake_failed",
	HandshakeTimeout: "handshake_timeout",
	ProtocolBroken:   "protocol_broken",
	RequestTimeout:   "request_timeout",
}

func (o Offence) String() string { return offenceNames[o] }

// What each offence adds to the time that a network owes. The time runs off by itself, and a good handshake takes back
// a second: an office of hundreds with a few bad links stays in, and a source of nothing but failures does not.
var offenceCost = [numOffences]time.Duration{
	HandshakeFailed:  time.Second,
	HandshakeTimeout: 10 * time.Second,
	ProtocolBroken:   5 * time.Second,
	RequestTimeout:   10 * time.Second,
}

const (
	goodHandshake = time.Second
	// penaltyFrom is what must be owed before a network is kept out, until all of it has run off: three time-outs, six
	// breaches, thirty failures. Less is an ordinary bad day on a mobile network.
	penaltyFrom = 30 * time.Second
	// penaltyMost bounds what is owed: an address changes hands.
	penaltyMost = 10 * time.Minute
)
