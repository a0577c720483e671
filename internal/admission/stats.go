package admission

import (
	"cmp"
	"slices"
	"time"
)

// Stats is a copy of the state of a [Table].
type Stats struct {
	Limits     Limits
	Most       Holding     // the network with the most connections; sites are left out
	MostOpen   OpenStreams // the network with the most streams; likewise
	Penalized  []Penalized // longest penalty first, as many as were asked for
	Total      int         // penalized networks
	Imposed    uint64      // penalties so far
	DryRun     uint64      // connections admitted because penalties are on trial
	Records    int         // networks remembered
	Capacity   int         // networks that can be remembered
	Forgotten  uint64      // networks that the full table dropped, or had no room for
	Violations map[string]uint64
}

// Holding is how many connections a network holds. The zero value means none does.
type Holding struct {
	Network     Network
	Connections int
}

// OpenStreams is how many streams of a network are open. The zero value means none has any.
type OpenStreams struct {
	Network Network
	Streams int
}

// Penalized is a network that is kept out.
type Penalized struct {
	Network Network
	Left    time.Duration
	Why     Violation
}

// statsHold is how many networks Stats visits each time it holds the lock that every accept needs,
// about 20 µs.
const statsHold = 256

// Stats returns a copy with at most that many penalized networks. It visits every network and gives
// up the lock between steps, so a change made meanwhile may be missing. One call runs at a time.
func (t *Table) Stats(now time.Duration, most int) Stats {
	t.statsTurn.Lock()
	defer t.statsTurn.Unlock()
	s := t.counters()
	s.Most.Network, s.Most.Connections = t.busiest(connections)
	s.MostOpen.Network, s.MostOpen.Streams = t.busiest(streams)
	var penalized []Penalized
	s.Records, penalized = t.remembered(now)
	slices.SortFunc(penalized, func(a, b Penalized) int {
		return cmp.Or(cmp.Compare(a.Network.top, b.Network.top), cmp.Compare(a.Network.bits, b.Network.bits), cmp.Compare(b.Left, a.Left))
	})
	penalized = slices.CompactFunc(penalized, func(a, b Penalized) bool { return a.Network == b.Network })
	s.Total = len(penalized)
	slices.SortStableFunc(penalized, func(a, b Penalized) int { return cmp.Compare(b.Left, a.Left) })
	s.Penalized = slices.Clone(penalized[:min(max(most, 0), len(penalized))]) // the rest is not kept with it
	return s
}

// counters returns what takes no walk over the networks.
func (t *Table) counters() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := Stats{
		Limits:     t.limits,
		Imposed:    t.imposed,
		DryRun:     t.dryRun,
		Capacity:   t.networks.limit,
		Forgotten:  t.networks.forgotten,
		Violations: make(map[string]uint64, numViolations),
	}
	for o, n := range t.violations {
		s.Violations[Violation(o).String()] = n
	}
	return s
}

// busiest returns the network that has most open, and how many. The maps may change between two steps
// of a range loop, but not during one.
func (t *Table) busiest(what counted) (most Network, count int) {
	looked := 0
	t.mu.Lock()
	defer t.mu.Unlock()
	for n, open := range t.tally.networks() {
		if int(open[what]) > count {
			most, count = n, int(open[what])
		}
		if looked++; looked%statsHold == 0 {
			t.yield()
		}
	}
	return most, count
}

// remembered returns how many records have not expired, and the penalized networks among them. It
// walks downwards: removing a record moves the last one into its place, so that one may be seen
// twice and is never missed.
func (t *Table) remembered(now time.Duration) (records int, penalized []Penalized) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for end := len(t.networks.records); end > 0; end -= statsHold {
		for i := max(0, end-statsHold); i < min(end, len(t.networks.records)); i++ {
			r := &t.networks.records[i]
			if r.expires() > now {
				records++
			}
			if t.limits.Penalties != PenaltiesOff && r.penalized && r.owed > now {
				penalized = append(penalized, Penalized{r.network, r.owed - now, r.why})
			}
		}
		t.yield()
	}
	return records, penalized
}

// yield gives up the lock for a moment.
func (t *Table) yield() {
	t.mu.Unlock()
	if t.yielded != nil {
		t.yielded()
	}
	t.mu.Lock()
}

// Held returns how many connections are held in all.
func (t *Table) Held() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	total := 0
	for _, open := range t.tally.networks() {
		total += int(open[connections])
	}
	return total
}
