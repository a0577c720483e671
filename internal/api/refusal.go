package api

import "sync/atomic"

// Refusal is why the listener turned a connection or a request down. The set is closed, and each
// member is counted.
type Refusal uint8

// The refusals.
const (
	RefusedConnections        Refusal = iota // too many connections at a time
	RefusedConnectionsNetwork                // of one network
	RefusedSilent                            // an older one without a request, which gave way to a new one
	RefusedIdle                              // one between two requests, which gave way to a new one
	RefusedHost                              // a Host that is not the listener's
	RefusedKey                               // no key, or an unknown one
	RefusedRole                              // a key that gives too little
	RefusedRequest                           // no such path or method

	numRefusals
)

var refusalNames = [numRefusals]string{
	RefusedConnections:        "connections",
	RefusedConnectionsNetwork: "connections_per_network",
	RefusedSilent:             "silent",
	RefusedIdle:               "idle",
	RefusedHost:               "misdirected",
	RefusedKey:                "unauthorized",
	RefusedRole:               "forbidden",
	RefusedRequest:            "bad_request",
}

func (r Refusal) String() string { return refusalNames[r] }

// refusals count what was refused. Safe for concurrent use.
type refusals [numRefusals]atomic.Uint64

// snapshot returns the counts by name.
func (r *refusals) snapshot() map[string]uint64 {
	all := make(map[string]uint64, numRefusals)
	for i := range r {
		all[Refusal(i).String()] = r[i].Load()
	}
	return all
}
