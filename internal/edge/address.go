package edge

import (
	"log/slog"
	"net/netip"
)

// packedAddr is an address and a port in 20 bytes without a pointer, where netip.AddrPort takes 32: a
// connection just fits its size class. The zero value is the address of a Unix socket.
type packedAddr struct {
	ip     [16]byte
	port   uint16
	family uint8 // 0: none, 4, 6
}

func packAddr(a netip.AddrPort) packedAddr {
	p := packedAddr{ip: a.Addr().As16(), port: a.Port()}
	switch {
	case a.Addr().Is4():
		p.family = 4
	case a.Addr().Is6():
		p.family = 6
	}
	return p
}

func (p *packedAddr) addr() netip.Addr {
	switch a := netip.AddrFrom16(p.ip); p.family {
	case 4:
		return a.Unmap()
	case 6:
		return a
	}
	return netip.Addr{}
}

// clientAddr is the address of a client for people.
type clientAddr netip.AddrPort

func (a clientAddr) String() string {
	if at := netip.AddrPort(a); at.IsValid() {
		return at.String()
	}
	return "unix"
}

// LogValue implements slog.LogValuer.
func (a clientAddr) LogValue() slog.Value { return slog.StringValue(a.String()) }
