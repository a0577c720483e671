package daemon

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/supervise"
	"github.com/hassesd/hassesd/internal/systemd"
)

// tcp returns a listening socket as a service manager hands it over, and its address.
func tcp(t *testing.T, name, address string) (systemd.Socket, netip.AddrPort) {
	t.Helper()
	var c net.ListenConfig
	c.SetMultipathTCP(false) // which is what Go would choose, and systemd would not
	l, err := c.Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	at, err := netip.ParseAddrPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return systemd.Socket{Name: name, FD: descriptor(t, l.(*net.TCPListener).File)}, at
}

// unixSocket is the same for a Unix socket at path.
func unixSocket(t *testing.T, name, path string, mode os.FileMode) systemd.Socket {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	l.SetUnlinkOnClose(false)
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return systemd.Socket{Name: name, FD: descriptor(t, l.File)}
}

// descriptor is one that nobody but the caller closes.
func descriptor(t *testing.T, file func() (*os.File, error)) int {
	t.Helper()
	f, err := file()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

// dup returns sockets with descriptors of their own.
func dup(t *testing.T, sockets ...systemd.Socket) []systemd.Socket {
	t.Helper()
	all := slices.Clone(sockets)
	for i, s := range all {
		fd, err := unix.FcntlInt(uintptr(s.FD), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			t.Fatal(err)
		}
		all[i].FD = fd
	}
	return all
}

// opening is a daemon that opens its sockets and then ends.
type opening struct {
	*Daemon
	settings config.Settings
	logs     *logBuffer
	read     *reading
}

func newOpening(t *testing.T, sockets []systemd.Socket, flags ...string) *opening {
	t.Helper()
	var said []config.Assignment
	for i := 0; i < len(flags); i += 2 {
		said = append(said, config.Assignment{Flag: flags[i], Value: flags[i+1]})
	}
	s, err := config.Load(config.Sources{Flags: append([]config.Assignment{{Flag: "dev", Value: "true"}}, said...)})
	if err != nil {
		t.Fatal(err)
	}
	o := &opening{newDaemon(Options{}), s, &logBuffer{}, nil}
	t.Cleanup(o.atEnd.run)
	o.atEnd.add(func() { o.inherited.Close() })
	if o.inherited, err = supervise.NewSockets(sockets); err != nil {
		t.Fatal(err)
	}
	o.Daemon.settings.Store(&s)
	if err := o.openLog(&s, Options{Stderr: o.logs}); err != nil {
		t.Fatal(err)
	}
	if o.read, err = readForStart(&s); err != nil {
		t.Fatal(err)
	}
	o.wire()
	if err := o.certificates.open(&s, o.read.certificates, o.read.now); err != nil {
		t.Fatal(err)
	}
	return o
}

func multipathSocket(t *testing.T) int {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_MPTCP)
	if err != nil {
		t.Logf("this kernel has no MPTCP: %v", err)
		return -1
	}
	if err := unix.Listen(fd, 1); err != nil {
		t.Fatal(err)
	}
	return fd
}

func unixSocketAbstract(t *testing.T) systemd.Socket {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: "@" + t.TempDir(), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return systemd.Socket{Name: "control", FD: descriptor(t, l.File)}
}
