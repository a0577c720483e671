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

// Stats lists at most so many penalized networks. It looks at every network there is: it is for people, not for
// decisions.
func (t *Table) Stats(now time.Duration, most int) Stats {
	s := t.snapshot(now)
	slices.SortFunc(s.Penalized, func(a, b Penalized) int {
		return cmp.Or(cmp.Compare(b.Left, a.Left), cmp.Compare(a.Network.top, b.Network.top), cmp.Compare(a.Network.bits, b.Network.bits))
	})
	s.Penalized = s.Penalized[:min(most, len(s.Penalized))]
	return s
}

func (t *Table) snapshot(now time.Duration) Stats {
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
	for n, held := range t.held {
		if n.bits != bitsSite && held > s.Most.Connections {
			s.Most = Holding{n, held}
		}
	}
	for i := range t.memory.records {
		r := &t.memory.records[i]
		if r.lapses() > now {
			s.Records++
		}
		if t.limits.Penalties != PenaltiesOff && r.penalized && r.owed > now {
			s.Penalized = append(s.Penalized, Penalized{r.network, r.owed - now, r.why})
		}
	}
	s.Total = len(s.Penalized)
	return s
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
