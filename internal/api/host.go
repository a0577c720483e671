package api

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// isHost reports whether a request was meant for this listener: its Host is loopback's, or the
// listener's name or address. A page of another site that has its name resolve to this machine (DNS
// rebinding) has that site's Host. The port does not matter, as tunnels change it.
func (s *Server) isHost(req *http.Request) bool {
	host := req.Host
	if name, port, err := net.SplitHostPort(host); err == nil {
		if strings.Trim(port, "0123456789") != "" {
			return false
		}
		host = name
	} else {
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if name == "" {
		return false
	}
	if addr, err := netip.ParseAddr(name); err == nil {
		addr = addr.Unmap()
		return addr.Zone() == "" && (addr.IsLoopback() || addr == localAddr(req))
	}
	return name == "localhost" || name == s.name || s.coversHost != nil && s.coversHost(name)
}

// localAddr returns the address that the connection has arrived at. On a listener for all addresses,
// that is one of the machine's.
func localAddr(req *http.Request) netip.Addr {
	at, ok := req.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return at.AddrPort().Addr().Unmap()
}
