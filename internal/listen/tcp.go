package listen

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// Loopback listens on TCP at host:port, which must be a loopback address; without a host it is
// 127.0.0.1.
func Loopback(addr string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("control address %q: want host:port: %w", addr, err)
	}
	if host == "" || host == "localhost" {
		host = "127.0.0.1"
	}
	if !isLoopbackHost(host) {
		return nil, fmt.Errorf("control address %s is not a loopback address: beyond this machine the control port needs "+
			"mutual TLS (control.tls), or listen on 127.0.0.1 and reach it through an SSH tunnel (ssh -L %s:127.0.0.1:%s)", addr, port, port)
	}
	return TCP(net.JoinHostPort(host, port))
}

// TCP listens on TCP at host:port; without a host on every address.
func TCP(addr string) (net.Listener, error) {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return nil, fmt.Errorf("control address %q: want host:port: %w", addr, err)
	}
	l, err := Address(addr)
	if err != nil {
		return nil, fmt.Errorf("open the control port: %w", err)
	}
	return l, nil
}

// IsLoopback reports whether the host of host:port is a loopback address; an empty one is not.
func IsLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	return err == nil && isLoopbackHost(host)
}

// Address listens on TCP at a valid host:port; without a host on every address of both families.
func Address(addr string) (net.Listener, error) {
	var lc net.ListenConfig
	return lc.Listen(context.Background(), "tcp", addr)
}

// isLoopbackHost reports whether host, of a host:port, is a loopback address.
func isLoopbackHost(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}
