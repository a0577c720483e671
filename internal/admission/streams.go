package admission

import "net/netip"

// OpenStream reports whether an address may open another stream, on any connection, and counts it
// if so.
func (t *Table) OpenStream(a netip.Addr) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := NetworkOf(a)
	bound := t.limits.Streams
	if t.limits.lifted(a)&BoundStreams != 0 {
		bound = 0
	}
	site, hasSite := n.site()
	if bound > 0 && (t.tally.of(n, streams) >= bound || hasSite && t.tally.of(site, streams) >= siteFactor*bound) {
		return false
	}
	t.tally.open(n, streams)
	return true
}

// CloseStream takes back what OpenStream counted.
func (t *Table) CloseStream(a netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tally.close(NetworkOf(a), streams)
}
