package server_test

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/admin/admintest"
	"github.com/hassesd/hassesd/internal/admin/client"
)

// given is a listening socket that somebody else has made.
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
	return fd, l.Addr().String()
}

func TestInheritedSockets(t *testing.T) {
	s := newServer(t, &admintest.Backend{})
	path := filepath.Join(t.TempDir(), "s")
	fd, _ := given(t, "unix", path)
	if at, err := s.InheritUnix(fd); err != nil || at != path {
		t.Fatalf("%s, %v", at, err)
	}
	port, want := given(t, "tcp", "127.0.0.1:0")
	at, err := s.InheritTCP(port, nil)
	if err != nil || at.String() != want {
		t.Fatalf("%v, %v; want %s", at, err, want)
	}
	s.Serve()
	for _, o := range []client.Options{{Socket: path}, {TCP: want}} {
		c, err := client.Dial(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Hello(t.Context()); err != nil {
			t.Error(err)
		}
		_ = c.Close()
	}
	stop(t, s)
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the socket of somebody else was taken away: %v", err)
	}
}

func TestInheritRefuses(t *testing.T) {
	s := newServer(t, &admintest.Backend{})
	inUnix, _ := given(t, "unix", filepath.Join(t.TempDir(), "s"))
	inTCP, _ := given(t, "tcp", "127.0.0.1:0")
	beyond, _ := given(t, "tcp", "0.0.0.0:0")
	mute, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, fd := range []int{inUnix, inTCP, beyond, mute} {
			if err := unix.Close(fd); err != nil {
				t.Errorf("descriptor %d was closed although it was not taken: %v", fd, err)
			}
		}
	})
	_, err = s.InheritUnix(inTCP)
	wantErr(t, err, "kind tcp")
	_, err = s.InheritUnix(mute)
	wantErr(t, err, "does not listen")
	_, err = s.InheritUnix(-1)
	wantErr(t, err, "bad file descriptor")
	_, err = s.InheritTCP(inUnix, nil)
	wantErr(t, err, "kind unix")
	_, err = s.InheritTCP(beyond, nil)
	wantErr(t, err, "loopback")
	s.Serve()
	_, err = s.InheritUnix(inUnix)
	wantErr(t, err, "already serving")
}

// TestKeep proves that what is kept goes on beyond the server, with its file, and that the rest
// does not.
func TestKeep(t *testing.T) {
	for _, keeps := range []bool{true, false} {
		s := newServer(t, &admintest.Backend{})
		path := filepath.Join(t.TempDir(), "s")
		if err := s.ListenUnix(path, 0o600, -1); err != nil {
			t.Fatal(err)
		}
		if _, err := s.ListenTCP("127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		copies, seen := -1, 0
		err := s.Keep(func(tcp bool, fd int) bool {
			seen++
			if tcp {
				return false
			}
			var err error
			if copies, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3); err != nil {
				t.Error(err)
			}
			return keeps
		})
		if err != nil || seen != 2 {
			t.Fatalf("%d doors seen, %v", seen, err)
		}
		stop(t, s)
		if _, err := os.Lstat(path); (err == nil) != keeps {
			t.Errorf("kept: %t; the socket's file: %v", keeps, err)
		}
		if keeps {
			c, err := net.Dial("unix", path)
			if err != nil {
				t.Errorf("the kept socket refuses: %v", err)
			} else {
				c.Close()
			}
		}
		_ = unix.Close(copies)
	}
}
