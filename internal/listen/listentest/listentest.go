// Package listentest gives tests sockets that another process might have opened, and checks what
// package listen makes.
package listentest

import (
	"net"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Given returns the descriptor of a listening socket, which nobody but the caller closes, and the
// address that it listens at.
func Given(t testing.TB, network, address string) (fd int, at string) {
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
	return fd, l.Addr().String()
}

// WantMode checks the mode of a file, with its special bits.
func WantMode(t testing.TB, path string, want uint32) {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if got := st.Mode &^ unix.S_IFMT; got != want {
		t.Errorf("%s has mode %o, want %o", path, got, want)
	}
}

// WantErr checks that there is an error with that text.
func WantErr(t testing.TB, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v, want an error with %q", err, text)
	}
}
