package daemon

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/admin/client"
	"github.com/hassesd/hassesd/internal/supervise"
	"github.com/hassesd/hassesd/internal/systemd"
	"github.com/hassesd/hassesd/internal/systemd/systemdtest"
)

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
