package state

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func newDir(t *testing.T) *Dir {
	t.Helper()
	d, err := Prepare(filepath.Join(t.TempDir(), "state"), Self(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
}

func (d *Dir) want(t *testing.T, name, want string) {
	t.Helper()
	got, err := d.Read(name, 1<<20)
	if err != nil || string(got) != want {
		t.Errorf("%s: %q, %v; want %q", name, got, err, want)
	}
}

// names lists what is in the directory, but for the lock.
func (d *Dir) names(t *testing.T) (names []string) {
	t.Helper()
	all, err := os.ReadDir(d.path)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		if e.Name() != lockFile {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestWriteReplacesAFileAsAWhole(t *testing.T) {
	d := newDir(t)
	if _, err := d.Read("a", 10); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	if err := d.Write("a", text("one")); err != nil {
		t.Fatal(err)
	}
	d.want(t, "a", "one")
	full := errors.New("no space left on device")
	err := d.Write("a", func(w io.Writer) error {
		_, err := io.WriteString(w, "tw")
		return errors.Join(err, full)
	})
	if !errors.Is(err, full) {
		t.Errorf("a write that fails: %v", err)
	}
	d.want(t, "a", "one")
	if err := os.WriteFile(filepath.Join(d.path, ".a.new"), []byte("left by a crash"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := d.Write("a", text("three")); err != nil {
		t.Fatal(err)
	}
	d.want(t, "a", "three")
	if got := d.names(t); !slices.Equal(got, []string{"a"}) {
		t.Errorf("the directory holds %q", got)
	}
	info, err := os.Stat(d.Path("a"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, err := d.Read("a", 4); err == nil || !strings.Contains(err.Error(), "longer") {
		t.Errorf("more than was asked for: %v", err)
	}
	for range 2 {
		if err := d.Remove("a"); err != nil {
			t.Error(err)
		}
	}
	if got := d.names(t); len(got) != 0 {
		t.Errorf("the directory holds %q", got)
	}
}

func TestOnlyFilesAreOpened(t *testing.T) {
	d := newDir(t)
	if err := d.Write("real", text("x")); err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, plant := range map[string]func(path string) error{
		"link":   func(path string) error { return os.Symlink("real", path) },
		"escape": func(path string) error { return os.Symlink(outside, path) },
		"pipe":   func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"dir":    func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		if err := plant(d.Path(name)); err != nil {
			t.Fatal(err)
		}
		if f, err := d.Open(name); err == nil {
			f.Close()
			t.Errorf("%s was opened", name)
		}
	}
	// What stands in the place of a file is replaced, not written through.
	if err := d.Write("escape", text("ours")); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(outside); err != nil || string(got) != "secret" {
		t.Errorf("the file outside holds %q, %v", got, err)
	}
	d.want(t, "escape", "ours")
}

func TestTheNewestAreSetAside(t *testing.T) {
	d := newDir(t)
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for i := range 5 {
		if err := d.Write("a", text(string(rune('0'+i)))); err != nil {
			t.Fatal(err)
		}
		name, err := d.SetAside("a", now.Add(time.Duration(i)*time.Millisecond))
		if err != nil {
			t.Fatal(err)
		}
		d.want(t, name, string(rune('0'+i)))
	}
	if err := d.Write("ab", text("another file")); err != nil {
		t.Fatal(err)
	}
	got := d.names(t)
	if len(got) != 4 || got[0] != "a.damaged-20260102T030405.002000000Z" {
		t.Errorf("the directory holds %q", got)
	}
	if _, err := d.SetAside("absent", now); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}
