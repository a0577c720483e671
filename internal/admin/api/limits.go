package api

// LimitsParams bounds "limits".
type LimitsParams struct {
	Penalized int `json:"penalized,omitempty"` // list at most so many penalized networks, MaxPenalized at most; 0: 100
}

// MaxPenalized is how many penalized networks "limits" lists at most: those that are refused
// longest.
const MaxPenalized = 1000

// Limits is the result of "limits": what is used of each bound, and who was refused. Counters only
// grow while the process lives, also when a reload changes the limits.
type Limits struct {
	Uses      []LimitUse        `json:"limits"`  // in the order of the configuration
	Refused   map[string]uint64 `json:"refused"` // by reason, as in "status"
	Penalties Penalties         `json:"penalties"`

	Memory  MemoryStatus  `json:"memory"`
	Publish PublishStatus `json:"publish"`
}

// LimitUse is one bound and what is used of it.
type LimitUse struct {
	Key   string `json:"key"` // of the configuration, "limits.connections"
	Used  int64  `json:"used"`
	Limit int64  `json:"limit"`          // the present bound; 0: none
	Unit  string `json:"unit"`           // what is counted: connections, handshakes, bytes, ...
	Of    string `json:"of,omitempty"`   // whose use it is, where each network has its own: the one that uses most
	Peak  int64  `json:"peak,omitempty"` // the most at one time so far, where that is kept

	Waiting int64 `json:"waiting,omitempty"` // how many wait
}

// Penalties are the networks that may not connect for a while, and the table that remembers them.
type Penalties struct {
	Mode      string      `json:"mode"`      // on, dry-run or off
	Penalized []Penalized `json:"penalized"` // longest first
	Total     int         `json:"total"`     // of which Penalized is a part
	Imposed   uint64      `json:"imposed"`   // penalties so far
	DryRun    uint64      `json:"dry_run"`   // connections that "on" would have refused
	Table     int         `json:"table"`     // networks remembered: for violations, or for their rate of handshakes
	TableMax  int         `json:"table_max"` // the bound of the table
	Forgotten uint64      `json:"forgotten"` // networks that a full table dropped

	Offences map[string]uint64 `json:"offences"` // violations so far, by kind
}

// Penalized is one network that may not connect for a while.
type Penalized struct {
	Network     string  `json:"network"` // an IPv4 address (/32), or an IPv6 /64 or /48
	SecondsLeft float64 `json:"seconds_left"`
	Why         string  `json:"why"` // the violation that exceeded the threshold
}

// WithoutNulls returns l with empty lists and maps where it has none: the protocol promises them.
func (l Limits) WithoutNulls() Limits {
	if l.Uses == nil {
		l.Uses = []LimitUse{}
	}
	if l.Refused == nil {
		l.Refused = map[string]uint64{}
	}
	if l.Penalties.Penalized == nil {
		l.Penalties.Penalized = []Penalized{}
	}
	if l.Penalties.Offences == nil {
		l.Penalties.Offences = map[string]uint64{}
	}
	return l
}
