package acmecert

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// Ports returns the TCP ports of the authority with this directory URL, or of the proxy in front of
// it.
func Ports(directory string) []uint16 {
	u, err := url.Parse(directory)
	if err != nil {
		return nil // not a valid URL, so nothing connects
	}
	ports := []uint16{portOf(u)}
	if proxy, err := http.ProxyFromEnvironment(&http.Request{URL: u}); err == nil && proxy != nil {
		if port := portOf(proxy); !slices.Contains(ports, port) {
			ports = append(ports, port)
		}
	}
	return ports
}

// portOf returns the port of a URL, or the default port of its scheme.
func portOf(u *url.URL) uint16 {
	if port, err := strconv.ParseUint(u.Port(), 10, 16); err == nil {
		return uint16(port)
	}
	switch u.Scheme {
	case "http":
		return 80
	case "socks5", "socks5h":
		return 1080
	}
	return 443
}
