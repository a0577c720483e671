package admission

// tally counts what is open at each network, and at the site of each network that has one. Its size
// is bounded by the number of things counted.
type tally map[Network]int

// open counts one more.
func (t tally) open(n Network) {
	t[n]++
	if site, ok := n.site(); ok {
		t[site]++
	}
}

// close takes back what open counted. To close what is not open is a bug of the caller, and panics.
func (t tally) close(n Network) {
	t.less(n)
	if site, ok := n.site(); ok {
		t.less(site)
	}
}

func (t tally) less(n Network) {
	switch open := t[n]; {
	case open > 1:
		t[n] = open - 1
	case open == 1:
		delete(t, n)
	default:
		panic("admission: internal error: something is closed that was not open")
	}
}
