package listen

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// otherUser is a user whom nothing here is for.
const otherUser = 65534

// asOtherUser runs do in a thread that is another user, without any right of root.
func asOtherUser(do func()) error {
	failed := make(chan error, 1)
	go func() {
		runtime.LockOSThread()     // and never unlock: the thread goes with the goroutine
		err := unix.Setgroups(nil) // of this thread alone, unlike that of package syscall
		if err == nil {
			_, err = unix.SetfsgidRetGid(otherUser)
		}
		if err == nil {
			const same = ^uintptr(0)
			// Of this thread alone, too. It takes the capabilities with it.
			if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, same, otherUser, same); errno != 0 {
				err = errno
			}
		}
		if err == nil {
			do()
		}
		failed <- err
	}()
	return <-failed
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user and give files to any group")
	}
}

// openDir returns a directory that everybody can pass.
func openDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func statOf(t *testing.T, path string) unix.Stat_t {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return st
}

// unixSocket listens on a Unix socket until the test ends.
func unixSocket(t *testing.T, path string, mode os.FileMode, gid int) (remove func()) {
	t.Helper()
	l, remove, err := Unix(path, mode, gid)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return remove
}

// file makes a file with the given content.
func file(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func wantContent(t *testing.T, path, want string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("%s now holds %q, %v", path, got, err)
	}
}

func wantAbsent(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is there: %v", path, err)
	}
}

// wantAnswer proves that somebody listens.
func wantAnswer(t *testing.T, network, address string) {
	t.Helper()
	c, err := net.Dial(network, address)
	if err != nil {
		t.Error(err)
		return
	}
	c.Close()
}
