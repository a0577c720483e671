package admission

import (
	"cmp"
	"slices"
	"time"
)

// Stats is a copy of what a table knows.
type Stats struct {
	Limits    Limits
	Most      Holding     // among networks, but sites: the one with the most connections
	Penalized []Penalized // longest first, as many as were asked for
	Total     int         // penalized networks
	Imposed   uint64      // penalties so far
	DryRun    uint64      // connections let in because penalties are not in force
	Records   int         // networks remembered
	Capacity  int         // networks that can be remembered
	Forgotten uint64      // networks that the full table dropped, or had no place for
	Offences  map[string]uint64
}

// Holding is how many connections a network holds. The zero value is nobody's.
type Holding struct {
	Network     Network
	Connections int
}

// Penalized is a network that has to stay away.
type Penalized struct {
	Network Network
	Left    time.Duration
	Why     Offence
}

// statsHold is how many networks Stats looks at while it holds the lock that every accept needs: some 20 µs.
const statsHold = 256

// Stats returns a copy, with at most so many of the penalized networks. It looks at every network, for which it holds the
// lock again and again for a moment, so that what changes meanwhile may or may not be in it. One call runs at a time.
func (t *Table) Stats(now time.Duration, most int) Stats {
	t.statsTurn.Lock()
	defer t.statsTurn.Unlock()
	s := t.counters()
	s.Most = t.busiest()
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

// counters returns what needs no walk.
func (t *Table) counters() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := Stats{
		Limits:    t.limits,
		Imposed:   t.imposed,
		DryRun:    t.dryRun,
		Capacity:  t.memory.most,
		Forgotten: t.memory.forgotten,
		Offences:  make(map[string]uint64, numOffences),
	}
	for o, n := range t.offences {
		s.Offences[Offence(o).String()] = n
	}
	return s
}

// busiest returns the network that holds the most connections. A map may change between two steps of a walk, as long as
// nobody else is at it during one.
func (t *Table) busiest() Holding {
	var most Holding
	looked := 0
	t.mu.Lock()
	defer t.mu.Unlock()
	for n, held := range t.held {
		if n.bits != bitsSite && held > most.Connections {
			most = Holding{n, held}
		}
		if looked++; looked%statsHold == 0 {
			t.yield()
		}
	}
	return most
}

// remembered returns how many records still say something, and the penalized networks among them. It walks downwards:
// a record that is removed makes room for the last one, which may be seen twice and is never missed.
func (t *Table) remembered(now time.Duration) (records int, penalized []Penalized) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for end := len(t.memory.records); end > 0; end -= statsHold {
		for i := max(0, end-statsHold); i < min(end, len(t.memory.records)); i++ {
			r := &t.memory.records[i]
			if r.lapses() > now {
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

// yield gives the lock up for a moment.
func (t *Table) yield() {
	t.mu.Unlock()
	if t.yielded != nil {
		t.yielded()
	}
	t.mu.Lock()
}

// Held is how many connections are counted in all.
func (t *Table) Held() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	total := 0
	for n, held := range t.held {
		if n.bits != bitsSite {
			total += held
		}
	}
	return total
}
