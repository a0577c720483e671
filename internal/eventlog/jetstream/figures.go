package jetstream

import "time"

// Status is how the log is at one moment.
type Status struct {
	Ready      bool          // it is followed, and everything it had was read
	Connected  bool          // to a broker
	Server     string        // the broker's URL, without user and password
	Why        string        // why it is not ready; "" if it is, or not yet known
	AwaySince  time.Time     // when it was last ready, if it is not; at first, when Run began
	LagRecords uint64        // that the log has, as was last seen, and this node has not read
	LagTime    time.Duration // how old the newest record was when it was read; 0 once a long lag is over
}

// AppendBounds are the upper bounds of the buckets of Figures.Appends.
var AppendBounds = []time.Duration{ //nolint:gochecknoglobals // a constant in all but the language
	500 * time.Microsecond, time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond,
	20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 500 * time.Millisecond, time.Second,
	5 * time.Second, 10 * time.Second, 30 * time.Second,
}

// Figures are counters since the start.
type Figures struct {
	EpochChanges uint64        // the first epoch included
	Gaps         uint64        // streams were told of a gap because records were missed
	Appends      []uint64      // appended messages by how long that took, see AppendBounds; the last one is beyond
	AppendTime   time.Duration // of all of them
	// ConnectFailures counts attempts to connect to the brokers by why they failed.
	ConnectFailures [connectFailures]uint64
}

func (f *Figures) appended(took time.Duration) {
	i := 0
	for i < len(AppendBounds) && took > AppendBounds[i] {
		i++
	}
	f.Appends[i]++
	f.AppendTime += took
}
