package reactor

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// mustListen closes what it opens at the end of the test.
func mustListen(t *testing.T, address string) []Listener {
	t.Helper()
	listeners, err := Listen(t.Context(), address, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, l := range listeners {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return listeners
}

// hasIPv6 reports whether this machine can listen on IPv6 at all.
func hasIPv6(t *testing.T) bool {
	t.Helper()
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		return false
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	return true
}

func TestListenOnEverything(t *testing.T) {
	listeners := mustListen(t, ":0")
	hosts := []string{"127.0.0.1"}
	if hasIPv6(t) {
		hosts = append(hosts, "::1")
	}
	if len(listeners) != len(hosts) {
		t.Fatalf("%d listeners, want one for each of %v", len(listeners), hosts)
	}
	port := listeners[0].Addr.Port()
	for _, l := range listeners {
		if l.Addr.Port() != port || port == 0 || !l.Addr.Addr().IsUnspecified() {
			t.Errorf("listens on %v, want port %d of everything", l.Addr, port)
		}
	}
	for _, host := range hosts {
		at := netip.AddrPortFrom(netip.MustParseAddr(host), port)
		conn, err := net.Dial("tcp", at.String())
		if err != nil {
			t.Error(err)
			continue
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestListenOnOneAddress(t *testing.T) {
	listeners := mustListen(t, "127.0.0.1:0")
	if len(listeners) != 1 || listeners[0].Addr.Addr() != netip.MustParseAddr("127.0.0.1") {
		t.Fatalf("listeners %v", listeners)
	}
	// The port is taken now.
	_, err := Listen(t.Context(), listeners[0].Addr.String(), nil)
	if !errors.Is(err, unix.EADDRINUSE) || !strings.HasPrefix(err.Error(), "listen on 127.0.0.1:") {
		t.Errorf("second Listen = %v", err)
	}
}

func TestListenOnAName(t *testing.T) {
	listeners := mustListen(t, "localhost:0")
	for _, l := range listeners {
		if !l.Addr.Addr().IsLoopback() || l.Addr.Port() != listeners[0].Addr.Port() {
			t.Errorf("listens on %v", l.Addr)
		}
	}
}

func TestListenRefuses(t *testing.T) {
	for address, want := range map[string]string{
		"127.0.0.1":       "missing port",
		"127.0.0.1:x":     "not a number",
		"127.0.0.1:-1":    "not a number",
		"127.0.0.1:65536": "not a number",
		"127.0.0.1:":      "not a number",
		"192.0.2.1:0":     "cannot assign", // TEST-NET-1 is nobody's
	} {
		listeners, err := Listen(t.Context(), address, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Listen(%q) = %v, %v; want error with %q", address, listeners, err, want)
		}
	}
}

func TestConnectionsInheritOptions(t *testing.T) {
	l := mustListen(t, "127.0.0.1:0")[0]
	client, err := net.Dial("tcp", l.Addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	fd := acceptOne(t, l.FD)
	defer func() { _ = unix.Close(fd) }()

	for _, o := range []struct {
		name                string
		level, option, want int
	}{
		{"SO_KEEPALIVE", unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		{"TCP_NODELAY", unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
		{"TCP_KEEPIDLE", unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 30},
		{"TCP_KEEPINTVL", unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 10},
		{"TCP_KEEPCNT", unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 3},
		{"TCP_USER_TIMEOUT", unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 30_000},
		{"TCP_NOTSENT_LOWAT", unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, DefaultSendBytes / 2},
		{"SO_SNDBUF", unix.SOL_SOCKET, unix.SO_SNDBUF, 2 * DefaultSendBytes},
	} {
		got, err := unix.GetsockoptInt(fd, o.level, o.option)
		if err != nil || got != o.want {
			t.Errorf("%s = %d, %v; want %d", o.name, got, err, o.want)
		}
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil || flags&unix.O_NONBLOCK == 0 {
		t.Errorf("flags %#x, %v: connection blocks", flags, err)
	}
	flags, err = unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	if err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("flags %#x, %v: connection survives exec", flags, err)
	}
	if protocol, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PROTOCOL); err != nil || protocol != unix.IPPROTO_TCP {
		t.Errorf("protocol %d, %v", protocol, err)
	}
}

// acceptOne waits for a connection and takes it.
func acceptOne(t *testing.T, listener int) int {
	t.Helper()
	poll := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
	if n, err := unix.Poll(poll, 20_000); n != 1 || err != nil {
		t.Fatalf("no connection: %d, %v", n, err)
	}
	fd, peer, err := linux{}.Accept(listener)
	if err != nil {
		t.Fatal(err)
	}
	if !peer.Addr().IsLoopback() || peer.Port() == 0 {
		t.Errorf("peer %v", peer)
	}
	if _, _, err := (linux{}).Accept(listener); !errors.Is(err, ErrWouldBlock) {
		t.Errorf("second Accept = %v, want would block", err)
	}
	return fd
}

func TestAdopt(t *testing.T) {
	inherited, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_TCP) // blocks, survives exec
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(inherited) }()
	if err := unix.Bind(inherited, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if _, err := Adopt(inherited); err == nil {
		t.Error("adopted a socket that does not listen")
	}
	if err := unix.Listen(inherited, 1); err != nil {
		t.Fatal(err)
	}
	l, err := Adopt(inherited)
	if err != nil || l.FD != inherited || l.Addr.Port() == 0 {
		t.Fatalf("Adopt = %v, %v", l, err)
	}
	flags, err := unix.FcntlInt(uintptr(l.FD), unix.F_GETFL, 0)
	if err != nil || flags&unix.O_NONBLOCK == 0 {
		t.Errorf("flags %#x, %v: listener blocks", flags, err)
	}

	a, b := socketpair(t)
	defer func() { _ = errors.Join(unix.Close(a), unix.Close(b)) }()
	if _, err := Adopt(a); err == nil {
		t.Error("adopted one end of a socket pair")
	}
	if _, err := Adopt(-1); !errors.Is(err, unix.EBADF) {
		t.Errorf("Adopt(-1) = %v", err)
	}
}

func TestAddrPort(t *testing.T) {
	mapped := netip.MustParseAddr("::ffff:192.0.2.1").As16()
	if got := addrPort(&unix.SockaddrInet6{Port: 5, Addr: mapped}); got != netip.MustParseAddrPort("192.0.2.1:5") {
		t.Errorf("mapped address gives %v", got)
	}
	if got := addrPort(&unix.SockaddrUnix{Name: "x"}); got.IsValid() {
		t.Errorf("Unix address gives %v", got)
	}
}

func TestListenBesideWhatIsThere(t *testing.T) {
	there := mustListen(t, "127.0.0.1:0")[0].Addr
	asked := 0
	has := func(at netip.AddrPort) bool { asked++; return at == there }
	none, err := Listen(t.Context(), there.String(), has)
	if err != nil || len(none) != 0 || asked != 1 {
		t.Errorf("beside %v: %v, %v, asked %d times; want nothing to open", there, none, err, asked)
	}
	if _, err := Listen(t.Context(), there.String(), func(netip.AddrPort) bool { return false }); !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("not beside anything: %v", err)
	}
	if !hasIPv6(t) {
		return
	}
	others, err := Listen(t.Context(), fmt.Sprintf(":%d", there.Port()), func(at netip.AddrPort) bool { return at.Addr().Is4() })
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		for _, l := range others {
			_ = l.Close()
		}
	}()
	if len(others) != 1 || !others[0].Addr.Addr().Is6() {
		t.Errorf("beside a listener for IPv4: %v, want the one for IPv6", others)
	}
}
