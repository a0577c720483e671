package admission

import "iter"

// tally counts what is open at each network, and at the site of each network that has one. Its size
// is bounded by the number of things counted.
type tally struct {
	ipv4  map[uint32]counts // addresses, which as a key take a quarter of a Network
	other map[Network]counts
}

func newTally() tally { return tally{make(map[uint32]counts), make(map[Network]counts)} }

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
	if n.bits == bitsIPv4 {
		addTo(t.ipv4, uint32(n.top), what, change)
		return
	}
	addTo(t.other, n, what, change)
}

func addTo[K comparable](m map[K]counts, at K, what counted, change int32) {
	open := m[at]
	open[what] += change
	switch {
	case open[what] < 0:
		panic("admission: internal error: something is closed that was not open")
	case open == counts{}:
		delete(m, at)
	default:
		m[at] = open
	}
}

// of returns how many are open at a network.
func (t tally) of(n Network, what counted) int {
	if n.bits == bitsIPv4 {
		return int(t.ipv4[uint32(n.top)][what])
	}
	return int(t.other[n][what])
}

// len returns how many networks and sites have something open.
func (t tally) len() int { return len(t.ipv4) + len(t.other) }

// networks yields the networks that have something open, without their sites.
func (t tally) networks() iter.Seq2[Network, counts] {
	return func(yield func(Network, counts) bool) {
		for address, open := range t.ipv4 {
			if !yield(Network{uint64(address), bitsIPv4}, open) {
				return
			}
		}
		for n, open := range t.other {
			if n.bits != bitsSite && !yield(n, open) {
				return
			}
		}
	}
}
