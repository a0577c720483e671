package admission

// tally counts what is open at each network, and at the site of each network that has one. Its size
// is bounded by the number of things counted.
type tally map[Network]counts

// counts are what is open at a network. Both lie in one map, because most networks have one of each.
type counts [numCounted]int32

// counted is what a tally counts.
type counted uint8

// What is counted.
const (
	connections counted = iota
	streams
)

const numCounted = int(streams) + 1

// open counts one more.
func (t tally) open(n Network, what counted) {
	t.add(n, what, 1)
	if site, ok := n.site(); ok {
		t.add(site, what, 1)
	}
}

// close takes back what open counted. To close what is not open is a bug of the caller, and panics.
func (t tally) close(n Network, what counted) {
	t.add(n, what, -1)
	if site, ok := n.site(); ok {
		t.add(site, what, -1)
	}
}

func (t tally) add(n Network, what counted, change int32) {
	open := t[n]
	open[what] += change
	switch {
	case open[what] < 0:
		panic("admission: internal error: something is closed that was not open")
	case open == counts{}:
		delete(t, n)
	default:
		t[n] = open
	}
}

// of returns how many are open at a network.
func (t tally) of(n Network, what counted) int { return int(t[n][what]) }
