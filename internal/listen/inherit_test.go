package listen

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/listen/listentest"
)

// given returns a listening socket that another process might have made. It must still be there at
// the end of the test.
func given(t *testing.T, network, address string) (fd int, at string) {
	t.Helper()
	fd, at = listentest.Given(t, network, address)
	t.Cleanup(func() {
		if err := unix.Close(fd); err != nil {
			t.Errorf("descriptor %d was taken although it stays the caller's: %v", fd, err)
		}
	})
	return fd, at
}

func TestInherit(t *testing.T) {
	fd, at := given(t, "tcp", "127.0.0.1:0")
	l, err := Inherit[*net.TCPListener](fd)
	if err != nil {
		t.Fatal(err)
	}
	if l.Addr().String() != at {
		t.Errorf("listens at %s, want %s", l.Addr(), at)
	}
	wantAnswer(t, "tcp", at)
	_ = l.Close()

	path := filepath.Join(t.TempDir(), "s")
	fd, _ = given(t, "unix", path)
	u, err := Inherit[*net.UnixListener](fd)
	if err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, "unix", path)
	_ = u.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the socket of another was taken away: %v", err)
	}
}

func TestInheritRefuses(t *testing.T) {
	inUnix, _ := given(t, "unix", filepath.Join(t.TempDir(), "s"))
	inTCP, _ := given(t, "tcp", "127.0.0.1:0")
	mute, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(mute) })
	_, err = Inherit[*net.UnixListener](inTCP)
	listentest.WantErr(t, err, "kind tcp")
	_, err = Inherit[*net.TCPListener](inUnix)
	listentest.WantErr(t, err, "kind unix")
	_, err = Inherit[*net.UnixListener](mute)
	listentest.WantErr(t, err, "does not listen")
	_, err = Inherit[*net.UnixListener](-1)
	listentest.WantErr(t, err, "bad file descriptor")
}
