package admission

import (
	"encoding/binary"
	"net/netip"
)

// Network is what counts as one client: an IPv4 address, or an IPv6 /64, which is what one customer
// gets. It holds no pointer, so a large table costs the garbage collector nothing.
type Network struct {
	top  uint64 // the first 64 bits of an IPv6 address, or the 32 of an IPv4 address
	bits uint8
}

const (
	bitsIPv4 = 32
	bitsIPv6 = 64
	bitsSite = 48 // what one IPv6 site gets: up to 65,536 /64s for one client
)

// siteFactor is how many times the bounds of a /64 a /48 has.
const siteFactor = 4

// NetworkOf returns the network of an address. An IPv4-mapped IPv6 address counts as IPv4.
func NetworkOf(a netip.Addr) Network {
	if a = a.Unmap(); a.Is4() {
		b := a.As4()
		return Network{uint64(binary.BigEndian.Uint32(b[:])), bitsIPv4}
	}
	b := a.As16()
	return Network{binary.BigEndian.Uint64(b[:8]), bitsIPv6}
}

// site returns the /48 that contains an IPv6 /64.
func (n Network) site() (Network, bool) {
	if n.bits != bitsIPv6 {
		return Network{}, false
	}
	return Network{n.top &^ (1<<(64-bitsSite) - 1), bitsSite}, true
}

// String returns the network in CIDR form, "192.0.2.1/32" or "2001:db8::/64".
func (n Network) String() string {
	if n.bits == bitsIPv4 {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(n.top))
		return netip.PrefixFrom(netip.AddrFrom4(b), bitsIPv4).String()
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], n.top)
	return netip.PrefixFrom(netip.AddrFrom16(b), int(n.bits)).String()
}
