package harness

import (
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"testing"
)

// lastPort stays below the range from which the kernel takes ports for outgoing connections, so that none is taken by chance.
var lastPort atomic.Uint32

// FreeAddress returns an address that nobody listens on. Until the test ends, other runs of these tests on the same machine
// do not use it, so that there is time to start a server.
func FreeAddress(t testing.TB) string {
	t.Helper()
	lastPort.CompareAndSwap(0, uint32(12000+os.Getpid()%160*100))
	for range 2000 {
		port := 12000 + lastPort.Add(1)%20000
		claim, err := net.Listen("unix", fmt.Sprintf("@hassesd-test-port-%d", port)) // abstract: it goes with the process
		if err != nil {
			continue
		}
		address := fmt.Sprintf("127.0.0.1:%d", port)
		if isFree(address) {
			t.Cleanup(func() { claim.Close() })
			return address
		}
		claim.Close()
	}
	t.Fatal("no free port")
	return ""
}

// isFree reports whether the address is free for TCP and, for DNS servers, UDP.
func isFree(address string) bool {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return false
	}
	defer l.Close()
	p, err := net.ListenPacket("udp", address)
	if err != nil {
		return false
	}
	p.Close()
	return true
}

// PrivilegedAddress returns an address with a free port that only root may bind.
func PrivilegedAddress(t *testing.T) string {
	t.Helper()
	for port := 601; port < 1024; port++ {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no free port below 1024")
	return ""
}

func SplitAddress(t testing.TB, address string) (host, port string) {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return host, port
}

// PrivateAddress returns an address of this machine that is within a private network but not on loopback. Without one the
// test is skipped.
func PrivateAddress(t testing.TB) string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsPrivate() {
			return n.IP.String()
		}
	}
	t.Skip("this machine has no address in a private network")
	return ""
}
