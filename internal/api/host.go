package api

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// hosts are the names of a listener.
type hosts struct {
	name   string                 // the one that api.listen names, in lower case; empty: none
	covers func(host string) bool // of the certificates, in lower case; nil: without TLS
}

// include reports whether a request was meant for this listener: its Host is loopback's, or the
// listener's name or address. A page of another site that has its name resolve to this machine (DNS
// rebinding) has that site's Host. The port does not matter, as tunnels change it.
func (h *hosts) include(req *http.Request) bool {
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
	return name == "localhost" || name == h.name || h.covers != nil && h.covers(name)
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
