package site

import (
	"net/netip"
	"strconv"
	"strings"
)

// isLoopbackOrigin reports whether an origin is on the browser's own machine: localhost,
// 127.0.0.0/8 or [::1], over http or https, on any port. It accepts only the form that browsers
// send, so that nothing else is echoed.
func isLoopbackOrigin(origin string) bool {
	rest, ok := strings.CutPrefix(origin, "https://")
	if !ok {
		if rest, ok = strings.CutPrefix(origin, "http://"); !ok {
			return false
		}
	}
	host, port := rest, ""
	if i := strings.LastIndexByte(rest, ':'); i >= 0 && !strings.HasSuffix(rest, "]") {
		host, port = rest[:i], rest[i+1:]
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
			return false
		}
	}
	if host == "localhost" || host == "[::1]" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Is4() && addr.IsLoopback()
}
