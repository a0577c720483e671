package listen

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// given returns a listening socket that another process might have made.
func given(t *testing.T, network, address string) (fd int, at string) {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	f, err := l.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if fd, err = unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 3); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Close(fd); err != nil {
			t.Errorf("descriptor %d was taken although it stays the caller's: %v", fd, err)
		}
	})
	return fd, l.Addr().String()
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
	wantErr(t, err, "kind tcp")
	_, err = Inherit[*net.TCPListener](inUnix)
	wantErr(t, err, "kind unix")
	_, err = Inherit[*net.UnixListener](mute)
	wantErr(t, err, "does not listen")
	_, err = Inherit[*net.UnixListener](-1)
	wantErr(t, err, "bad file descriptor")
}
