package daemon

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/sandbox"
	"github.com/hassesd/hassesd/internal/threads"
)

func TestIsSameInside(t *testing.T) {
	outside, jail := t.TempDir(), t.TempDir()
	shared, other := filepath.Join(outside, "shared"), filepath.Join(outside, "other")
	for _, path := range []string{shared, other, filepath.Join(jail, other)} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(shared, filepath.Join(jail, shared)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{
		shared:                           true,
		other:                            false, // another file of the same name
		outside:                          false,
		filepath.Join(outside, "absent"): true,
	} {
		if got := isSameInside(jail, path); got != want {
			t.Errorf("%s: got %t", path, got)
		}
	}
}

func TestChrootNamesWhatItLacks(t *testing.T) {
	s := config.Defaults()
	s.Chroot, s.Control.Socket = t.TempDir(), ""
	s.TLS.CertFile = filepath.Join(t.TempDir(), "cert.pem")
	err := checkChroot(&s, nil)
	if !errors.Is(err, ErrConfiguration) {
		t.Fatalf("got %v, want an error of the configuration", err)
	}
	want := "only root"
	if os.Geteuid() == 0 {
		want = filepath.Dir(s.TLS.CertFile) + " (tls.cert_file)"
	}
	if !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q in it", err, want)
	}
	s.TLS.CertFile = ""
	if err := checkChroot(&s, nil); os.Geteuid() == 0 && err != nil {
		t.Errorf("nothing is lacking: got %v", err)
	}
	s.TLS.CertFile = "cert.pem"
	if err := checkChroot(&s, nil); os.Geteuid() == 0 && (err == nil || !strings.Contains(err.Error(), "from / on")) {
		t.Errorf("a path from the working directory on, which is another one afterwards: got %v", err)
	}
}

func TestUnreachable(t *testing.T) {
	known, unknown := t.TempDir(), t.TempDir()
	s := config.Defaults()
	s.Control.Socket = ""
	s.TLS.CertFile, s.TLS.KeyFile = filepath.Join(known, "cert.pem"), filepath.Join(known, "key.pem")
	view, err := threads.Open()
	if err != nil {
		t.Fatal(err)
	}
	c := &confinement{mode: "auto", view: view, layers: sandbox.Layers{Landlock: 1}}
	grants, err := sandbox.Grants(sandboxPaths(neededPaths(&s, nil)))
	if err != nil {
		t.Fatal(err)
	}
	c.sandbox = sandbox.Prepare(sandbox.Options{Grants: grants, View: view})
	t.Cleanup(func() {
		if err := errors.Join(c.sandbox.Close(), view.Close()); err != nil {
			t.Error(err)
		}
	})
	old := s
	if err := c.unreachable(&old, &s); err != nil {
		t.Errorf("the settings of the start: %v", err)
	}
	s.TLS.KeyFile = filepath.Join(known, "other.pem")
	if err := c.unreachable(&old, &s); err != nil {
		t.Errorf("another file beside it: %v", err)
	}
	s.TLS.CertFile = filepath.Join(unknown, "cert.pem")
	if err := c.unreachable(&old, &s); err == nil || !strings.Contains(err.Error(), "tls.cert_file") || !strings.Contains(err.Error(), unknown) {
		t.Errorf("a file elsewhere: %v", err)
	}
	if err := c.unreachable(&s, &s); err != nil {
		t.Errorf("a file elsewhere that is in use already: %v", err)
	}
	c.layers.Landlock = 0
	if err := c.unreachable(&old, &s); err != nil {
		t.Errorf("without Landlock: %v", err)
	}
}

func TestLayersAreDescribed(t *testing.T) {
	free := threads.Status{ID: "1", Permitted: 1, Bounding: 0xff}
	sealed := threads.Status{ID: "2", UIDs: [4]int{33, 33, 33, 33}, NoNewPrivs: true, Seccomp: 2}
	off := confinement{mode: "off"}
	half := confinement{mode: "auto", sealed: true, chroot: "/srv", layers: sandbox.Layers{LandlockErr: errors.New("not in this kernel"), Seccomp: 200}}
	for _, tc := range []struct {
		name    string
		c       confinement
		threads []threads.Status
		want    []string // in force
		detail  string
	}{
		{"nothing", off, []threads.Status{free}, nil, "switched off"},
		{"what can be had", half, []threads.Status{sealed, sealed}, []string{"user", "capabilities", "new_privileges", "core_dumps", "chroot", "seccomp"}, "not in this kernel"},
		{"one thread is free", half, []threads.Status{sealed, free}, []string{"core_dumps", "chroot"}, "200 instructions"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			layers := tc.c.describe(tc.threads)
			var inForce []string
			for _, l := range layers {
				if l.InForce {
					inForce = append(inForce, l.Layer)
				}
			}
			if !slices.Equal(inForce, tc.want) {
				t.Errorf("in force are %q, want %q", inForce, tc.want)
			}
			if !slices.ContainsFunc(layers, func(l api.SandboxLayer) bool { return l.Detail == tc.detail }) {
				t.Errorf("nothing is said to be %q: %+v", tc.detail, layers)
			}
		})
	}
}
