package daemon

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/systemd"
)

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
