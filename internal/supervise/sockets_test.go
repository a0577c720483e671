package supervise

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/systemd"
)

func TestNewSockets(t *testing.T) {
	t.Parallel()
	all, err := NewSockets([]systemd.Socket{{Name: "kept-https", FD: 3}, {Name: "control", FD: 4}, {Name: "https", FD: 5}})
	if err != nil || len(all) != 3 || !all[0].IsStored || all[0].Name != HTTPS || all[1].IsStored {
		t.Fatalf("%+v, %v", all, err)
	}
	if named := all.Named(HTTPS, HTTP); len(named) != 2 || named[0].FD() != 5 {
		t.Errorf("units come first: %+v", named)
	}
	if !all.HasUnit(Control) || all.HasUnit(HTTP) {
		t.Error("wrong about what the units have given")
	}
	for _, name := range []string{"", "hassesd.socket", "kept-", "HTTPS"} {
		_, err := NewSockets([]systemd.Socket{{Name: name, FD: 3}})
		if wrong, ok := errors.AsType[*SocketError](err); !ok || wrong.Name != name || !strings.Contains(err.Error(), "control-tcp") {
			t.Errorf("%q: %v; want an error that lists the names", name, err)
		}
	}
}

// listening returns a descriptor of a listening TCP socket that nobody else closes, and its
// address.
func listening(t *testing.T) (int, netip.AddrPort) {
	t.Helper()
	var c net.ListenConfig
	c.SetMultipathTCP(false)
	l, err := c.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		t.Fatal(err)
	}
	return fd, netip.MustParseAddrPort(l.Addr().String())
}

func TestASocketIsTakenOrClosed(t *testing.T) {
	t.Parallel()
	first, at := listening(t)
	second, _ := listening(t)
	all, err := NewSockets([]systemd.Socket{{Name: "https", FD: first}, {Name: "kept-https", FD: second}})
	if err != nil {
		t.Fatal(err)
	}
	if all.Serving(at) != nil {
		t.Error("a socket serves before it is prepared")
	}
	for _, s := range all {
		if err := s.Prepare(); err != nil {
			t.Fatal(err)
		}
	}
	s := all.Serving(at)
	if s != all[0] || s.IsTaken() {
		t.Fatalf("%s is served by %+v", at, s)
	}
	fd, l := s.Take()
	if fd != first || l.FD != first || l.Addr != at || !s.IsTaken() || all.Serving(at) != s || len(all.Named(HTTPS)) != 1 {
		t.Errorf("taken: %d, %+v of %+v", fd, l, s)
	}
	defer func() { _ = unix.Close(fd) }()
	all.Close()
	if _, err := unix.FcntlInt(uintptr(first), unix.F_GETFD, 0); err != nil {
		t.Errorf("a socket that was taken: %v", err)
	}
	if !all[1].IsTaken() || all[1].FD() != -1 || len(all.Named(HTTPS)) != 0 {
		t.Errorf("closed: %+v", all[1])
	}
}
