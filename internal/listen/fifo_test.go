package listen

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/listen/listentest"
)

// makeFIFO makes a FIFO of that mode.
func makeFIFO(t *testing.T, path string, mode uint32) string {
	t.Helper()
	if err := errors.Join(unix.Mkfifo(path, 0o600), unix.Chmod(path, mode)); err != nil {
		t.Fatal(err)
	}
	return path
}

func openFIFO(t *testing.T, path string, mode os.FileMode, gid int) *os.File {
	t.Helper()
	f, err := FIFO(path, mode, gid)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestFIFOOutlivesItsWriters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	f := openFIFO(t, path, 0o620, -1)
	for _, text := range []string{"one", "two"} {
		w, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
		w.Close()
		buf := make([]byte, 16)
		if n, err := f.Read(buf); err != nil || string(buf[:n]) != text {
			t.Errorf("read %q, %v", buf[:n], err)
		}
	}
}

func TestFIFOLeavesOthersAlone(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	if err := os.Symlink(makeFIFO(t, filepath.Join(dir, "good"), 0o620), link); err != nil {
		t.Fatal(err)
	}
	precious := file(t, filepath.Join(dir, "file"), "precious")
	open := makeFIFO(t, filepath.Join(dir, "open"), 0o622)
	for path, want := range map[string]string{
		precious:                        "not a FIFO",
		link:                            "symbolic link",
		open:                            "every user may write",
		filepath.Join(dir, "none", "f"): syscall.ENOENT.Error(),
	} {
		f, err := FIFO(path, 0o620, -1)
		listentest.WantErr(t, err, want)
		if err == nil {
			f.Close()
		}
	}
	listentest.WantMode(t, open, 0o622)
	wantContent(t, precious, "precious")
}

func TestModeOfTheFIFO(t *testing.T) {
	const absent = 0
	for _, tt := range []struct{ found, mode uint32 }{
		{absent, 0o620},
		{absent, 0o600},
		{absent, 0o666}, // as hasses made it
		{0o600, 0o620},
		{0o644, 0o620}, // as hasses left it under the usual umask
		{0o660, 0o620},
		{0o620, 0o660},
		{0o620, 0o620},
		{0o666, 0o666},
		{0o620, 0o666},
	} {
		path := filepath.Join(t.TempDir(), "f")
		if tt.found != absent {
			makeFIFO(t, path, tt.found)
		}
		openFIFO(t, path, os.FileMode(tt.mode), os.Getegid())
		listentest.WantMode(t, path, tt.mode)
	}
}

func TestGroupOfTheFIFO(t *testing.T) {
	needRoot(t)
	const first, second = 54001, 54002
	path := filepath.Join(t.TempDir(), "f")
	for _, gid := range []int{first, second, second} {
		f := openFIFO(t, path, 0o620, gid)
		listentest.WantMode(t, path, 0o620)
		if got := statOf(t, path).Gid; int(got) != gid {
			t.Errorf("group %d, want %d", got, gid)
		}
		f.Close()
	}
}

// TestFIFOThatAnotherReads: each of the two would get some of the commands.
func TestFIFOThatAnotherReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	first := openFIFO(t, path, 0o620, -1)
	if _, err := FIFO(path, 0o620, -1); !errors.Is(err, ErrFIFOInUse) {
		t.Errorf("a second reader: %v", err)
	}
	first.Close()
	openFIFO(t, path, 0o620, -1)
}

// TestFIFOOfRoot: what root made for the daemon is used as it is.
func TestFIFOOfRoot(t *testing.T) {
	needRoot(t)
	path := makeFIFO(t, filepath.Join(openDir(t), "f"), 0o660)
	if err := unix.Chown(path, 0, otherUser); err != nil {
		t.Fatal(err)
	}
	err := asOtherUser(func() {
		f, err := FIFO(path, 0o620, otherUser)
		if err != nil {
			t.Error(err)
			return
		}
		f.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
	listentest.WantMode(t, path, 0o660)
}

// TestWhatCannotBeSharedIsNotLeft: the next start would use it as it is, and keep its group out for
// ever.
func TestWhatCannotBeSharedIsNotLeft(t *testing.T) {
	needRoot(t)
	dir := openDir(t)
	if err := os.Chmod(dir, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	fifo, socket := filepath.Join(dir, "fifo"), filepath.Join(dir, "run", "socket")
	err := asOtherUser(func() {
		const notTheirs = 0 // the group of root
		for range 2 {
			_, err := FIFO(fifo, 0o620, notTheirs)
			listentest.WantErr(t, err, unix.EPERM.Error())
			_, _, err = Unix(socket, 0o660, notTheirs)
			listentest.WantErr(t, err, unix.EPERM.Error())
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	wantAbsent(t, fifo)
	wantAbsent(t, filepath.Dir(socket))
}
