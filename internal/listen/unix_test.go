package listen

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/listen/listentest"
)

func TestUnixHasItsModeAndGroup(t *testing.T) {
	gid := os.Getegid()
	for _, tt := range []struct{ mode, dir uint32 }{
		{0o660, 0o750},
		{0o666, 0o751}, // or others would not get to it
	} {
		path := filepath.Join(t.TempDir(), "run", "hassesd", "s")
		remove := unixSocket(t, path, os.FileMode(tt.mode), gid)
		listentest.WantMode(t, path, tt.mode)
		listentest.WantMode(t, filepath.Dir(path), tt.dir)
		if st := statOf(t, path); int(st.Gid) != gid || st.Mode&unix.S_IFMT != unix.S_IFSOCK {
			t.Errorf("group %d, mode %o", st.Gid, st.Mode)
		}
		wantAnswer(t, "unix", path)
		remove()
		wantAbsent(t, path)
	}
}

// TestUnixIsNeverOpenTooWide watches the path: the socket never has more than its final mode.
func TestUnixIsNeverOpenTooWide(t *testing.T) {
	dir := t.TempDir()
	for i := range 50 {
		path := filepath.Join(dir, strconv.Itoa(i))
		watching, seen := make(chan struct{}), make(chan uint32, 1)
		go func() {
			close(watching)
			var st unix.Stat_t
			widest := uint32(0)
			for widest&0o060 == 0 { // until its mode is the final one
				if unix.Lstat(path, &st) == nil {
					widest |= st.Mode
				}
			}
			seen <- widest &^ unix.S_IFMT
		}()
		<-watching
		unixSocket(t, path, 0o660, -1)
		if got := <-seen; got != 0o660 {
			t.Fatalf("seen with mode %o", got)
		}
	}
}

func TestUnixReplacesTheSocketOfADeadDaemon(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	unixSocket(t, path, 0o600, -1)
	wantAnswer(t, "unix", path)
}

func TestUnixLeavesOthersAlone(t *testing.T) {
	dir := t.TempDir()
	alive := filepath.Join(dir, "alive")
	unixSocket(t, alive, 0o600, -1)
	precious := file(t, filepath.Join(dir, "file"), "precious")
	link := filepath.Join(dir, "link")
	if err := os.Symlink(filepath.Join(dir, "elsewhere"), link); err != nil {
		t.Fatal(err)
	}
	open := filepath.Join(dir, "open")
	if err := os.Mkdir(open, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		alive:                        "another daemon answers there",
		precious:                     "not a socket",
		link:                         "not a socket",
		dir:                          "not a socket",
		filepath.Join(precious, "s"): "not a directory",
		filepath.Join(open, "s"):     "every user may write",
		filepath.Join(dir, strings.Repeat("x", 108)): "and a socket's can have 107",
	} {
		l, _, err := Unix(path, 0o600, -1)
		listentest.WantErr(t, err, want)
		if err == nil {
			l.Close()
		}
	}
	wantContent(t, precious, "precious")
	wantAbsent(t, filepath.Join(dir, "elsewhere"))
	wantAnswer(t, "unix", alive) // by its owner still
}

func TestUnixRemovesOnlyItsOwn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	removeFirst := unixSocket(t, path, 0o600, -1)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	unixSocket(t, path, 0o600, -1)
	removeFirst()
	wantAnswer(t, "unix", path)
}

// TestDirectoryOfAnotherUserIsRefused: that user could put a false socket there.
func TestDirectoryOfAnotherUserIsRefused(t *testing.T) {
	needRoot(t)
	dir := openDir(t)
	theirs := filepath.Join(dir, "theirs")
	if err := os.Mkdir(theirs, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(theirs, 4711, 4711); err != nil {
		t.Fatal(err)
	}
	err := asOtherUser(func() { listentest.WantErr(t, PrepareDir(theirs, 0o660, -1), "belongs to user 4711") })
	if err != nil {
		t.Fatal(err)
	}
}
