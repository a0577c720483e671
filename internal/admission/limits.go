package admission

import (
	"net/netip"
	"time"
)

// Limits are the bounds of one network. An IPv6 /48 has four times the bounds of a /64. They may be
// replaced at any time.
type Limits struct {
	Connections int // at a time; 0: no bound
	Streams     int // at a time; 0: no bound
	Handshakes  int // in flight; 0: no bound
	Rate        int // handshakes a second, on average; 0: no bound
	Burst       int // handshakes at once after a rest; at least 1 when Rate is set
	Penalties   Mode

	Exempt     []netip.Prefix // networks that have no bounds
	ExemptUnix bool           // nor have Unix sockets, whose address is not valid
	Loopback   Bounds         // bounds that do not apply to this machine's own addresses and Unix sockets
}

// Bounds is a set of limits that are counted for each network.
type Bounds uint8

// The bounds.
const (
	BoundConnections Bounds = 1 << iota
	BoundStreams
	BoundHandshakes
	BoundRate
	BoundPenalties

	allBounds = BoundConnections | BoundStreams | BoundHandshakes | BoundRate | BoundPenalties
)

// Lifts reports whether the bound does not apply to an address.
func (l *Limits) Lifts(a netip.Addr, bound Bounds) bool { return l.lifted(a)&bound != 0 }

// lifted returns the bounds that do not apply to an address.
func (l *Limits) lifted(a netip.Addr) Bounds {
	if !a.IsValid() && l.ExemptUnix {
		return allBounds
	}
	a = a.Unmap().WithZone("")
	for _, p := range l.Exempt {
		if p.Contains(a) {
			return allBounds
		}
	}
	if a.IsLoopback() || !a.IsValid() {
		return l.Loopback
	}
	return 0
}

// Mode is what penalties do.
type Mode uint8

// The modes.
const (
	PenaltiesOff    Mode = iota // violations are not remembered
	PenaltiesDryRun             // connections that would be refused are counted and admitted
	PenaltiesOn                 // a network with a penalty is refused
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

// Violation is what a client did wrong. The set is closed.
type Violation uint8

// The violations.
const (
	HandshakeFailed  Violation = iota // the client failed or left after the handshake had cost us work, or was too slow while others waited
	HandshakeTimeout                  // the client did not finish its handshake in time
	ProtocolBroken                    // the client sent what is not TLS, what no honest client sends, or more than it has reason to
	RequestTimeout                    // the client did not finish a request in time
	WrongKey                          // the client sent a token or key that does not exist
)

const numViolations = WrongKey + 1

var violationNames = [numViolations]string{
	HandshakeFailed:  "handshake_failed",
	HandshakeTimeout: "handshake_timeout",
	ProtocolBroken:   "protocol_broken",
	RequestTimeout:   "request_timeout",
	WrongKey:         "wrong_key",
}

func (o Violation) String() string { return violationNames[o] }

// violationCost is the time that each violation adds to what a network owes. The time passes, and a
// successful handshake takes a second off. So an office of hundreds with a few bad links stays in,
// and a source of nothing but failures does not.
var violationCost = [numViolations]time.Duration{
	HandshakeFailed:  time.Second,
	HandshakeTimeout: 10 * time.Second,
	ProtocolBroken:   5 * time.Second,
	RequestTimeout:   10 * time.Second,
	WrongKey:         3 * time.Second,
}

const (
	successCredit = time.Second
	// penaltyThreshold is what a network must owe to be kept out until it owes nothing: three
	// timeouts, six protocol violations, ten wrong keys, thirty failures. Less is an ordinary bad
	// day on a mobile network.
	penaltyThreshold = 30 * time.Second
	// penaltyMax bounds what a network owes, because addresses change hands.
	penaltyMax = 10 * time.Minute
)
