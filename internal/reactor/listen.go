package reactor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	// The kernel reduces backlog to net.core.somaxconn.
	backlog = 4096

	// portTries bounds the attempts to find a port number that is free in all families, for port 0.
	portTries = 16

	// The kernel drops a peer that acknowledges nothing after userTimeout, and an idle one after
	// keepIdle and keepCount unanswered probes, one every keepInterval.
	userTimeoutMillis = 30_000
	keepIdleSeconds   = 30
	keepInterval      = 10
	keepCount         = 3
)

// Listener is a listening socket. Its owner must pass FD to an Acceptor, or close it.
type Listener struct {
	FD   int
	Addr netip.AddrPort // of TCP
	Path string         // of a Unix socket; empty: TCP
}

// String returns where the listener listens, "192.0.2.1:443" or "unix:/path".
func (l Listener) String() string {
	if l.Path != "" {
		return "unix:" + l.Path
	}
	return l.Addr.String()
}

// Close closes the socket.
func (l Listener) Close() error { return linux{}.CloseFD(l.FD) }

// Listen opens TCP listeners at "host:port" or ":port". ":port", and a name with several addresses,
// gives one for each address of IPv4 and IPv6, all on the same port. Address families that the
// system lacks are left out, and so are addresses for which has reports that there is a listener
// already; a nil has means that there is none. The result may be empty. Port 0 means any free port.
// ctx bounds the lookup of a name.
func Listen(ctx context.Context, address string, has func(netip.AddrPort) bool) ([]Listener, error) {
	listeners, err := listen(ctx, address, has)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return listeners, nil
}

func listen(ctx context.Context, address string, has func(netip.AddrPort) bool) ([]Listener, error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("port %q is not a number from 0 to 65535", service)
	}
	hosts, err := addresses(ctx, host)
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		listeners, err := listenAll(hosts, uint16(port), has)
		if port == 0 && len(hosts) > 1 && try < portTries && errors.Is(err, unix.EADDRINUSE) {
			continue
		}
		return listeners, err
	}
}

// addresses returns the addresses of a host. An empty host means all addresses.
func addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	if host == "" {
		return []netip.Addr{netip.IPv6Unspecified(), netip.IPv4Unspecified()}, nil
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr.Unmap()}, nil
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	var addrs []netip.Addr
	seen := make(map[netip.Addr]bool)
	for _, addr := range found {
		if addr = addr.Unmap(); !seen[addr] {
			seen[addr] = true
			addrs = append(addrs, addr)
		}
	}
	return addrs, nil
}

// listenAll opens a listener at each address that has none. With port 0, the first listener chooses
// the port.
func listenAll(addrs []netip.Addr, port uint16, has func(netip.AddrPort) bool) (listeners []Listener, err error) {
	var absent error
	there := false // at one of the addresses
	for _, addr := range addrs {
		if has != nil && has(netip.AddrPortFrom(addr, port)) {
			there = true
			continue
		}
		l, err := listenOne(netip.AddrPortFrom(addr, port))
		switch {
		case err == nil:
			listeners = append(listeners, l)
			port = l.Addr.Port()
		case len(addrs) > 1 && isAbsent(err):
			absent = err
		default:
			for _, l := range listeners {
				_ = l.Close()
			}
			return nil, err
		}
	}
	if len(listeners) == 0 && !there {
		return nil, absent
	}
	return listeners, nil
}

// isAbsent reports whether an address is unavailable because the system lacks its family: not built
// in, or disabled by sysctl.
func isAbsent(err error) bool {
	return errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EADDRNOTAVAIL)
}

func listenOne(at netip.AddrPort) (_ Listener, err error) {
	family, name := sockaddr(at)
	// The protocol is explicit, so that a sandbox can tell TCP from MPTCP.
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		return Listener{}, os.NewSyscallError("socket", err)
	}
	defer func() {
		if err != nil {
			_ = unix.Close(fd)
		}
	}()
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return Listener{}, os.NewSyscallError("setsockopt SO_REUSEADDR", err)
	}
	if family == unix.AF_INET6 {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
			return Listener{}, os.NewSyscallError("setsockopt IPV6_V6ONLY", err)
		}
	}
	if err := unix.Bind(fd, name); err != nil {
		return Listener{}, os.NewSyscallError("bind", err)
	}
	if err := unix.Listen(fd, backlog); err != nil {
		return Listener{}, os.NewSyscallError("listen", err)
	}
	return Adopt(fd)
}

// Adopt returns a Listener for a listening TCP or Unix socket from elsewhere, such as systemd. With
// an error, the descriptor stays the caller's.
func Adopt(fd int) (Listener, error) {
	listening, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	if err != nil {
		return Listener{}, os.NewSyscallError("getsockopt SO_ACCEPTCONN", err)
	}
	if listening == 0 {
		return Listener{}, fmt.Errorf("descriptor %d is not a listening socket", fd)
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return Listener{}, os.NewSyscallError("getsockname", err)
	}
	l := Listener{FD: fd, Addr: addrPort(sa)}
	switch sa := sa.(type) {
	case *unix.SockaddrUnix:
		if !strings.HasPrefix(sa.Name, "/") {
			return Listener{}, fmt.Errorf("descriptor %d is a Unix socket without a path: any process could connect to it", fd)
		}
		l.Path = sa.Name
	default:
		if !l.Addr.IsValid() {
			return Listener{}, fmt.Errorf("descriptor %d is not a TCP or Unix socket", fd)
		}
	}
	unix.CloseOnExec(fd)
	if err := unix.SetNonblock(fd, true); err != nil {
		return Listener{}, os.NewSyscallError("fcntl", err)
	}
	if l.Path != "" {
		return l, nil
	}
	if err := prepare(fd); err != nil {
		return Listener{}, err
	}
	return l, nil
}

// prepare sets the options of a listener that its connections inherit.
func prepare(fd int) error {
	for _, o := range []struct {
		name                 string
		level, option, value int
	}{
		{"SO_KEEPALIVE", unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		{"TCP_NODELAY", unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
		{"TCP_KEEPIDLE", unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, keepIdleSeconds},
		{"TCP_KEEPINTVL", unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, keepInterval},
		{"TCP_KEEPCNT", unix.IPPROTO_TCP, unix.TCP_KEEPCNT, keepCount},
		{"TCP_USER_TIMEOUT", unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, userTimeoutMillis},
	} {
		if err := unix.SetsockoptInt(fd, o.level, o.option, o.value); err != nil {
			return os.NewSyscallError("setsockopt "+o.name, err)
		}
	}
	return linux{}.BoundSend(fd, DefaultSendBytes)
}

func sockaddr(at netip.AddrPort) (family int, sa unix.Sockaddr) {
	if at.Addr().Is4() {
		return unix.AF_INET, &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}
	}
	return unix.AF_INET6, &unix.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16()}
}

// BoundSend sets the bound for connections accepted from now on, which inherit it without a system
// call. Data beyond the bound waits in the process, where it can be counted, merged and dropped. By
// default, the kernel buffers up to 4 MB for a client that has stopped reading. Connections of a
// Unix socket inherit nothing; see [Source.BoundSend].
func (l Listener) BoundSend(bytes int) error {
	if l.Path != "" {
		return nil
	}
	return linux{}.BoundSend(l.FD, bytes)
}
