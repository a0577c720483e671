package daemon

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/systemd"
)

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
