package hub

import "fmt"

// Policy decides what happens to a stream whose queue is full while its socket takes nothing.
type Policy uint8

// The policies for slow streams.
const (
	Close      Policy = iota // the stream is ended; the client comes back and resumes from the history
	DropOldest               // the oldest queued events are dropped, and a hasses.gap announces it
	Latest                   // only the newest queued event of each target is kept
)

var policyNames = [...]string{Close: "close", DropOldest: "drop-oldest", Latest: "latest"}

// ParsePolicy reads "close", "drop-oldest" or "latest".
func ParsePolicy(s string) (Policy, error) {
	for p, name := range policyNames {
		if s == name {
			return Policy(p), nil
		}
	}
	return Close, fmt.Errorf("unknown policy %q for slow clients: use close, drop-oldest or latest", s)
}

// String is the form that ParsePolicy reads.
func (p Policy) String() string {
	if int(p) < len(policyNames) {
		return policyNames[p]
	}
	return fmt.Sprintf("Policy(%d)", uint8(p))
}

// Dropped counts events that were not queued, or were taken out of a queue, by reason.
type Dropped struct {
	Close  uint64 // the stream was ended, or about to be, because its queue was full
	Oldest uint64 // the oldest of a full queue, announced by a hasses.gap
	Latest uint64 // a newer event of the same target took its place, or there was no room for all targets
}
