package admin

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// ListenTCP opens a door on a loopback address and returns the one really bound; without a host it is 127.0.0.1.
// Whoever comes in by it may publish and look, and not kick, reload or drain, unless the [Rights] say less or a key gives
// more: on a shared machine everybody can.
func (s *Server) ListenTCP(addr string) (net.Addr, error) {
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
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("open the control port: %w", err)
	}
	if err := s.addDoor(&listenDoor{kind: doorTCP, listener: l}); err != nil {
		l.Close()
		return nil, err
	}
	return l.Addr(), nil
}

// isLoopbackHost reports whether host, of a host:port, is certainly this machine.
func isLoopbackHost(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}
