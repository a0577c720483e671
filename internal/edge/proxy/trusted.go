package proxy

import "net/netip"

// Trusted are the peers that may name the clients they speak for. The zero value trusts none.
type Trusted struct {
	Networks []netip.Prefix
	Unix     bool // peers on Unix sockets
}

// Has reports whether a peer is trusted. An address that is not valid stands for a Unix socket.
func (t *Trusted) Has(peer netip.Addr) bool {
	if !peer.IsValid() {
		return t.Unix
	}
	peer = peer.Unmap().WithZone("")
	for _, p := range t.Networks {
		if p.Contains(peer) {
			return true
		}
	}
	return false
}
