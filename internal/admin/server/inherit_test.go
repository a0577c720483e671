package server_test

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/admin/admintest"
	"github.com/hassesd/hassesd/internal/admin/client"
	"github.com/hassesd/hassesd/internal/listen/listentest"
)

func TestInheritedSockets(t *testing.T) {
	s := newServer(t, &admintest.Backend{})
	path := filepath.Join(t.TempDir(), "s")
	fd, _ := listentest.Given(t, "unix", path)
	if at, err := s.InheritUnix(fd); err != nil || at != path {
		t.Fatalf("%s, %v", at, err)
	}
	port, want := listentest.Given(t, "tcp", "127.0.0.1:0")
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
		t.Errorf("the socket of another process was taken away: %v", err)
	}
}

func TestInheritRefuses(t *testing.T) {
	s := newServer(t, &admintest.Backend{})
	inUnix, _ := listentest.Given(t, "unix", filepath.Join(t.TempDir(), "s"))
	inTCP, _ := listentest.Given(t, "tcp", "127.0.0.1:0")
	beyond, _ := listentest.Given(t, "tcp", "0.0.0.0:0")
	t.Cleanup(func() {
		for _, fd := range []int{inUnix, inTCP, beyond} {
			if err := unix.Close(fd); err != nil {
				t.Errorf("descriptor %d was closed although it was not taken: %v", fd, err)
			}
		}
	})
	_, err := s.InheritUnix(inTCP)
	listentest.WantErr(t, err, "kind tcp")
	_, err = s.InheritTCP(inUnix, nil)
	listentest.WantErr(t, err, "kind unix")
	_, err = s.InheritTCP(beyond, nil)
	listentest.WantErr(t, err, "loopback")
	s.Serve()
	_, err = s.InheritUnix(inUnix)
	listentest.WantErr(t, err, "already serving")
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
