package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/client"
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/supervise"
	"github.com/hassesd/hassesd/internal/systemd"
	"github.com/hassesd/hassesd/internal/systemd/systemdtest"
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

func TestInheritedListeners(t *testing.T) {
	https, httpsAt := tcp(t, "https", "127.0.0.1:0")
	kept, keptAt := tcp(t, "kept-https", "127.0.0.1:0")
	plain, plainAt := tcp(t, "http", "127.0.0.1:0")
	other, _ := tcp(t, "kept-https", "127.0.0.1:0")
	t.Cleanup(func() {
		for _, s := range []systemd.Socket{https, kept, plain, other} {
			_ = unix.Close(s.FD)
		}
	})
	for _, tc := range []struct {
		name    string
		sockets []systemd.Socket
		flags   []string
		want    []string // addresses of the listeners
		err     string
	}{
		{name: "in the place of listen", sockets: dup(t, https), want: []string{"https://" + httpsAt.String()}},
		{name: "what listen names", sockets: dup(t, https), flags: []string{"listen", "https://" + httpsAt.String()}, want: []string{"https://" + httpsAt.String()}},
		{
			name: "what listen names, and one more that is opened", sockets: dup(t, https),
			flags: []string{"listen", "https://127.0.0.1:0", "listen", "https://" + httpsAt.String()},
			want:  []string{"https://127.0.0.1:", "https://" + httpsAt.String()},
		},
		{name: "what listen does not name", sockets: dup(t, https), flags: []string{"listen", "https://127.0.0.1:0"}, err: `add "https://` + httpsAt.String()},
		{name: "named otherwise", sockets: dup(t, https), flags: []string{"plaintext", "true", "listen", "http://" + httpsAt.String()}, err: "otherwise"},
		{name: "both kinds", sockets: dup(t, https, plain), flags: []string{"plaintext", "true"}, want: []string{"https://" + httpsAt.String(), "http://" + plainAt.String()}},
		{name: "not encrypted, and nobody has said so", sockets: dup(t, plain), err: "plaintext"},
		{name: "kept, and still in listen", sockets: dup(t, kept), flags: []string{"listen", "https://" + keptAt.String()}, want: []string{"https://" + keptAt.String()}},
		{
			name: "kept, and one of them is not in listen any more", sockets: dup(t, kept, other),
			flags: []string{"listen", "https://" + keptAt.String()},
			want:  []string{"https://" + keptAt.String()},
		},
		{name: "stored ones replace nothing", sockets: dup(t, other), flags: []string{"listen", "https://127.0.0.1:0"}, want: []string{"https://127.0.0.1:"}},
		{name: "a unit's and a kept one, listen unsaid", sockets: dup(t, https, kept), want: []string{"https://" + httpsAt.String()}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := newOpening(t, tc.sockets, tc.flags...)
			err := o.openListeners(t.Context(), &o.settings, -1)
			if tc.err != "" {
				if !errors.Is(err, ErrConfiguration) || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("error %v, want one with %q", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := o.listeners.addresses()
			if !slices.EqualFunc(got, tc.want, strings.HasPrefix) {
				t.Errorf("listeners at %v, want %v", got, tc.want)
			}
		})
	}
}

func TestUnixSocketsForProxies(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	unit := unixSocket(t, "http", path("unit"), 0o666)
	kept := unixSocket(t, "kept-http", path("kept"), 0o660)
	loose := unixSocket(t, "kept-http", path("loose"), 0o666) // the settings have another mode now
	stale := unixSocket(t, "kept-http", path("stale"), 0o660)
	t.Cleanup(func() {
		for _, s := range []systemd.Socket{unit, kept, loose, stale} {
			_ = unix.Close(s.FD)
		}
	})
	for _, tc := range []struct {
		name    string
		sockets []systemd.Socket
		listen  []string
		want    []string
	}{
		{"a unit's, listen unsaid", []systemd.Socket{unit}, nil, []string{"unix:" + path("unit")}},
		{"a unit's, named", []systemd.Socket{unit}, []string{"unix:" + path("unit")}, []string{"unix:" + path("unit")}},
		{"kept", []systemd.Socket{kept}, []string{"unix:" + path("kept")}, []string{"unix:" + path("kept")}},
		{"kept with another mode", []systemd.Socket{loose}, []string{"unix:" + path("loose")}, []string{"unix:" + path("loose")}},
		{"kept and not wanted any more", []systemd.Socket{stale}, []string{"unix:" + path("new")}, []string{"unix:" + path("new")}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var flags []string
			for _, l := range tc.listen {
				flags = append(flags, "listen", l)
			}
			o := newOpening(t, dup(t, tc.sockets...), flags...)
			if err := o.openListeners(t.Context(), &o.settings, -1); err != nil {
				t.Fatal(err)
			}
			if got := o.listeners.addresses(); !slices.Equal(got, tc.want) {
				t.Errorf("listeners at %v, want %v", got, tc.want)
			}
			for _, l := range o.listeners.all {
				conn, err := net.Dial("unix", l.Listener.Path)
				if err != nil {
					t.Fatal(err)
				}
				conn.Close()
			}
			if info, err := os.Stat(path("loose")); tc.name == "kept with another mode" && (err != nil || info.Mode().Perm() != 0o660) {
				t.Errorf("mode %v, %v", info.Mode(), err)
			}
		})
	}
	if _, err := os.Stat(path("stale")); err == nil {
		t.Error("the file of a socket that is not wanted any more is still there")
	}
	if _, err := os.Stat(path("new")); err == nil {
		t.Error("the file of our own socket is still there")
	}
	if _, err := os.Stat(path("unit")); err != nil {
		t.Errorf("the file of a unit's socket is gone: %v", err)
	}
}

func TestOneSocketForBothFamilies(t *testing.T) {
	if l, err := net.Listen("tcp6", "[::1]:0"); err != nil {
		t.Skipf("no IPv6 here: %v", err)
	} else {
		l.Close()
	}
	socket, at := tcp(t, "https", ":0") // as BindIPv6Only=default makes it
	o := newOpening(t, []systemd.Socket{socket}, "listen", fmt.Sprintf("https://:%d", at.Port()))
	if err := o.openListeners(t.Context(), &o.settings, -1); err != nil {
		t.Fatal(err)
	}
	if len(o.listeners.all) != 1 || o.listeners.all[0].Listener.FD != socket.FD {
		t.Errorf("listeners %+v; want the one that serves IPv6 and IPv4", o.listeners.all)
	}
}

func TestSocketsOfTheWrongKind(t *testing.T) {
	dir := t.TempDir()
	packet, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	datagrams := descriptor(t, packet.File)
	_ = packet.Close()
	inTCP, _ := tcp(t, "control", "127.0.0.1:0")
	inUnix := unixSocket(t, "https", filepath.Join(dir, "https"), 0o600)
	open := unixSocket(t, "control", filepath.Join(dir, "open"), 0o666)
	elsewhere := unixSocket(t, "control", filepath.Join(dir, "elsewhere"), 0o660)
	beyond, _ := tcp(t, "control-tcp", "0.0.0.0:0")
	asUnix := unixSocket(t, "control-tcp", filepath.Join(dir, "tcp"), 0o660)
	first, _ := tcp(t, "control-tcp", "127.0.0.1:0")
	second, _ := tcp(t, "control-tcp", "127.0.0.1:0")
	abstract := unixSocketAbstract(t)
	multipath := systemd.Socket{Name: "https", FD: multipathSocket(t)}
	for _, tc := range []struct {
		name    string
		sockets []systemd.Socket
		flags   []string
		err     string
	}{
		{"datagrams for browsers", []systemd.Socket{{Name: "https", FD: datagrams}}, nil, "not a listening socket"},
		{"a Unix socket for TLS", []systemd.Socket{inUnix}, nil, "call it http"},
		{"TCP for the control socket", []systemd.Socket{inTCP}, nil, "not a Unix socket"},
		{"a control socket for everybody", []systemd.Socket{open}, nil, "SocketMode=0660"},
		{"a control socket without a path", []systemd.Socket{abstract}, nil, "no path"},
		{"a control socket elsewhere", []systemd.Socket{elsewhere}, []string{"control-socket", filepath.Join(dir, "here")}, "control.socket says"},
		{"the control port for the world", []systemd.Socket{beyond}, nil, "loopback"},
		{"a Unix socket for the control port", []systemd.Socket{asUnix}, nil, "not a TCP socket"},
		{"MPTCP", []systemd.Socket{multipath}, nil, "MPTCP"},
		{"two control ports", []systemd.Socket{first, second}, nil, "more than one"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.sockets[0].FD < 0 {
				t.Skip("this kernel cannot make such a socket")
			}
			flags := tc.flags
			if !slices.Contains(flags, "listen") && tc.sockets[0].Name != "https" {
				flags = append(flags, "listen", "https://127.0.0.1:0")
			}
			o := newOpening(t, tc.sockets, flags...)
			err := o.openListeners(t.Context(), &o.settings, -1)
			if err == nil {
				err = o.openControl(o.read, 1000)
			}
			if !errors.Is(err, ErrConfiguration) || !strings.Contains(err.Error(), tc.err) || !strings.Contains(err.Error(), `"`+tc.sockets[0].Name+`"`) {
				t.Errorf("error %v, want one with %q", err, tc.err)
			}
		})
	}
}

// With lists a unit may leave SocketMode= out; then no reload may take them away.
func TestAControlSocketForEverybodyNeedsLists(t *testing.T) {
	open := unixSocket(t, "control", filepath.Join(t.TempDir(), "open"), 0o666)
	o := newOpening(t, []systemd.Socket{open}, "listen", "https://127.0.0.1:0", "control-unix-readers", "user:54002")
	if err := o.openControl(o.read, 1000); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		readers []string
		isKept  bool
	}{{[]string{"user:54003"}, true}, {nil, false}} {
		next := o.settings
		next.Control.UnixReaders = tc.readers
		rights, err := controlRights(&next)
		if err != nil {
			t.Fatal(err)
		}
		if err := o.control.refuseShared(rights); errors.Is(err, ErrConfiguration) == tc.isKept {
			t.Errorf("readers %v: %v", tc.readers, err)
		}
	}
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

// TestInheritedControlSockets proves that they answer, and that a unit's socket is not
// taken away at the end.
func TestInheritedControlSockets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sock")
	socket := unixSocket(t, "control", path, 0o660)
	port, at := tcp(t, "control-tcp", "127.0.0.1:0")
	o := newOpening(t, []systemd.Socket{socket, port}, "control-tcp", "localhost:"+at.String()[len("127.0.0.1:"):])
	if err := o.openControl(o.read, 1000); err != nil {
		t.Fatal(err)
	}
	o.control.server.Serve()
	for _, options := range []client.Options{{Socket: path}, {TCP: at.String()}} {
		options.Timeout = patience
		c, err := client.Dial(t.Context(), options)
		if err != nil {
			t.Fatal(err)
		}
		if level, err := c.LogLevel(t.Context(), ""); err != nil || level.Level != "normal" {
			t.Errorf("%+v: %+v, %v", options, level, err)
		}
		_ = c.Close()
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := o.control.server.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the unit's socket is gone: %v", err)
	}
}

// TestAStoredControlSocketThatIsNotAsConfiguredIsReplaced: the settings win over what was kept.
func TestAStoredControlSocketThatIsNotAsConfiguredIsReplaced(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "control.sock")
	for _, tc := range []struct {
		name   string
		at     string
		mode   os.FileMode
		isKept bool
	}{
		{"as it is", path, 0o660, true},
		{"with another mode", path, 0o600, false},
		{"at another place", filepath.Join(dir, "old.sock"), 0o660, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			defer os.Remove(path)
			socket := unixSocket(t, "kept-control", tc.at, tc.mode)
			before, err := os.Lstat(tc.at)
			if err != nil {
				t.Fatal(err)
			}
			pin, err := unix.Open(tc.at, unix.O_PATH|unix.O_CLOEXEC, 0) // or another file could get the number
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = unix.Close(pin) }()
			m := systemdtest.New(t)
			o := newOpening(t, []systemd.Socket{socket}, "control-socket", path)
			if o.manager, _, err = supervise.Meet([]string{"NOTIFY_SOCKET=" + m.Address}, os.Getpid()); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = o.manager.Close() }()
			o.wire()
			if err := o.openControl(o.read, 1000); err != nil {
				t.Fatal(err)
			}
			after, err := os.Lstat(path)
			if err != nil || after.Mode().Perm() != 0o660 {
				t.Fatalf("%v, %v", after, err)
			}
			if os.SameFile(before, after) != tc.isKept {
				t.Errorf("kept: %t, want %t", !tc.isKept, tc.isKept)
			}
			if forgotten := slices.Contains(m.Said(), "FDSTOREREMOVE=1"); forgotten == tc.isKept {
				t.Errorf("the manager was told to forget it: %t", forgotten)
			}
			if tc.at != path {
				if _, err := os.Lstat(tc.at); err == nil {
					t.Error("the old socket is left behind")
				}
			}
		})
	}
}

// TestSocketsAreStored proves what a daemon has kept for the next one, and what a drain by hand
// gives up.
func TestSocketsAreStored(t *testing.T) {
	r, m := startService(t, "plaintext = true\n[drain]\nwindow = \"0s\"\n")
	if err := r.daemon.manager.Barrier(patience); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range m.Stored() {
		names = append(names, s.Name)
	}
	if want := []string{"kept-https", "kept-control"}; !slices.Equal(names, want) {
		t.Fatalf("kept %q, want %q", names, want)
	}
	if _, err := r.ctl.Drain(t.Context(), api.DrainParams{}); err != nil {
		t.Fatal(err)
	}
	m.AwaitLine("STOPPING=1")
	if left := m.Stored(); len(left) != 0 {
		t.Errorf("still kept after a drain by hand: %+v", left)
	}
	select {
	case err := <-r.stopped:
		r.stopped <- err // for the end of the test
	case <-time.After(patience):
		t.Error("the daemon goes on after a drain by hand")
	}
}

func TestIsAddress(t *testing.T) {
	for _, tc := range []struct {
		setting, at string
		want        bool
	}{
		{"127.0.0.1:85", "127.0.0.1:85", true},
		{"127.0.0.1:85", "127.0.0.1:86", false},
		{"127.0.0.1:85", "127.0.0.2:85", false},
		{"localhost:85", "127.0.0.1:85", true},
		{"localhost:85", "[::1]:85", true},
		{"localhost:85", "0.0.0.0:85", false},
		{":85", "[::]:85", true},
		{":85", "127.0.0.1:85", false},
		{"[::1]:85", "[::1]:85", true},
		{"push.example.org:85", "192.0.2.1:85", false},
		{"", "127.0.0.1:85", false},
	} {
		if got := isAddress(tc.setting, netip.MustParseAddrPort(tc.at)); got != tc.want {
			t.Errorf("%q is %s: %t, want %t", tc.setting, tc.at, got, tc.want)
		}
	}
}

// A unit may open the control port to private networks that the settings name.
func TestAnInheritedControlPortIsOpenToNetworks(t *testing.T) {
	wide, at := tcp(t, "control-tcp", "0.0.0.0:0")
	o := newOpening(t, []systemd.Socket{wide}, "listen", "https://127.0.0.1:0",
		"control-tcp", at.String(), "control-tcp-networks", "10.0.0.0/8")
	if err := o.openListeners(t.Context(), &o.settings, -1); err != nil {
		t.Fatal(err)
	}
	if err := o.openControl(o.read, 1000); err != nil {
		t.Fatal(err)
	}
	o.Daemon.logs.Flush(t.Context())
	if log := o.logs.String(); !strings.Contains(log, "open to other machines without TLS") || !strings.Contains(log, "10.0.0.0/8") {
		t.Errorf("the log does not warn:\n%s", log)
	}
}

func TestInheritedListenerOfOperators(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	local, localAt := tcp(t, "api", "127.0.0.1:0")
	beyond, _ := tcp(t, "api", "0.0.0.0:0")
	second, _ := tcp(t, "api", "127.0.0.1:0")
	kept, keptAt := tcp(t, "kept-api", "127.0.0.1:0")
	unit := unixSocket(t, "api", path("unit"), 0o666)
	keptUnix := unixSocket(t, "kept-api", path("kept"), 0o660)
	loose := unixSocket(t, "kept-api", path("loose"), 0o666) // the settings have another mode
	t.Cleanup(func() {
		for _, s := range []systemd.Socket{local, beyond, second, kept, unit, keptUnix, loose} {
			_ = unix.Close(s.FD)
		}
	})
	const free = "http://127.0.0.1:0"
	for _, tc := range []struct {
		name    string
		sockets []systemd.Socket
		listen  string
		want    string // the URL begins so
		err     string
	}{
		{"a unit's in place of api.listen", dup(t, local), "", "http://" + localAt.String(), ""},
		{"a unit's, named", dup(t, local), "https://" + localAt.String(), "https://" + localAt.String(), ""},
		{"a unit's that api.listen does not name", dup(t, local), free, "", "leave api.listen out"},
		{"two of units", dup(t, local, second), "", "", "more than one"},
		{"beyond loopback without a key", dup(t, beyond), "", "", "it requires a key"},
		{"a unit's Unix socket", dup(t, unit), "", "unix:" + path("unit"), ""},
		{"kept, and still wanted", dup(t, kept), "http://" + keptAt.String(), "http://" + keptAt.String(), ""},
		{"kept, and not wanted", dup(t, kept), free, "http://127.0.0.1:", ""},
		{"a kept Unix socket", dup(t, keptUnix), "unix:" + path("kept"), "unix:" + path("kept"), ""},
		{"a kept Unix socket of another mode", dup(t, loose), "unix:" + path("loose"), "unix:" + path("loose"), ""},
		{"a unit's and a kept one", dup(t, unit, keptUnix), "", "unix:" + path("unit"), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := newOpening(t, tc.sockets, "api-listen", tc.listen)
			err := o.operators.open(&o.settings, -1)
			t.Cleanup(o.operators.close)
			if tc.err != "" {
				if !errors.Is(err, ErrConfiguration) || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("error %v, want one with %q", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := o.operators.url(); !strings.HasPrefix(got, tc.want) || !o.operators.isLocal {
				t.Errorf("the listener is at %q, local %v, want %q", got, o.operators.isLocal, tc.want)
			}
			if tc.listen == free && strings.HasSuffix(o.operators.url(), keptAt.String()) {
				t.Error("a kept socket is used that is not wanted")
			}
		})
	}
	if info, err := os.Stat(path("unit")); err != nil || info.Mode().Perm() != 0o666 {
		t.Errorf("the unit's socket: %v, %v", info, err)
	}
}
