package server_test

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/admin/admintest"
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

// openDir is a directory that everybody can pass.
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

// Somebody who tries all the time, while the doors are made, never gets in.
func TestDoorsHaveNoMomentForOthers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be somebody else")
	}
	dir := openDir(t)
	old := unix.Umask(0) // the worst there is
	defer unix.Umask(old)
	const rounds = 100
	var round atomic.Int64 // that is going on; rounds: all are over
	socket := func(n int64) string { return filepath.Join(dir, "s"+strconv.FormatInt(n, 10)) }
	fifo := func(n int64) string { return filepath.Join(dir, "f"+strconv.FormatInt(n, 10)) }

	trying := make(chan struct{})
	over := make(chan struct{})
	tries, entered := 0, ""
	var failed error
	go func() {
		defer close(over)
		var once sync.Once
		begin := func() { close(trying) }
		defer once.Do(begin)
		failed = asOtherUser(func() {
			once.Do(begin)
			for n := round.Load(); n < rounds; n = round.Load() {
				tries++
				if c, err := net.Dial("unix", socket(n)); err == nil { // refused as long as it does not listen
					c.Close()
					entered = "socket"
				}
				if fd, err := unix.Open(fifo(n), unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0); err == nil {
					_ = unix.Close(fd)
					entered = "FIFO"
				}
			}
		})
	}()
	<-trying
	for n := range int64(rounds) {
		s := newServer(t, &admintest.Backend{})
		if err := s.ListenUnix(socket(n), 0o660, 0); err != nil {
			t.Error(err)
		}
		if err := s.OpenFIFO(fifo(n), 0o620, 0); err != nil {
			t.Error(err)
		}
		s.Serve()
		round.Add(1)
		stop(t, s)
	}
	<-over
	if failed != nil {
		t.Fatal(failed)
	}
	if entered != "" {
		t.Errorf("another user got into the %s", entered)
	}
	if tries < rounds {
		t.Errorf("only %d tries in %d rounds", tries, rounds)
	}

	// The same user does get into what is open to everybody, so the tries were real.
	l, err := net.Listen("unix", filepath.Join(dir, "open"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	err = asOtherUser(func() {
		c, err := net.Dial("unix", filepath.Join(dir, "open"))
		if err != nil {
			t.Errorf("not even an open socket: %v", err)
			return
		}
		c.Close()
	})
	if err != nil {
		t.Error(err)
	}
}

// What could not be given to its group is taken away again: the next start would use it as it is,
// and keep its group out for ever.
func TestWhatCannotBeSharedIsNotLeft(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be somebody else")
	}
	dir := openDir(t)
	if err := os.Chmod(dir, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	fifo, socket := filepath.Join(dir, "fifo"), filepath.Join(dir, "run", "socket")
	s := newServer(t, &admintest.Backend{})
	failed := asOtherUser(func() {
		const notTheirs = 0 // the group of root
		for range 2 {
			wantErr(t, s.OpenFIFO(fifo, 0o620, notTheirs), unix.EPERM.Error())
			wantErr(t, s.ListenUnix(socket, 0o660, notTheirs), unix.EPERM.Error())
		}
	})
	if failed != nil {
		t.Fatal(failed)
	}
	for _, path := range []string{fifo, filepath.Dir(socket)} {
		if _, err := os.Lstat(path); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", path, err)
		}
	}
}
