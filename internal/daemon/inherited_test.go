package daemon

import (
	"errors"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/systemd"
)

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
