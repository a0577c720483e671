package listen

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// TestNoMomentForOthers has another user try all the time while sockets and FIFOs are made.
func TestNoMomentForOthers(t *testing.T) {
	needRoot(t)
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
		l, remove, err := Unix(socket(n), 0o660, 0)
		if err != nil {
			t.Error(err)
			continue
		}
		f, err := FIFO(fifo(n), 0o620, 0)
		if err != nil {
			t.Error(err)
		} else {
			defer f.Close()
		}
		round.Add(1)
		remove()
		l.Close()
	}
	round.Store(rounds)
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
	open := filepath.Join(dir, "open")
	l, err := net.Listen("unix", open)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := os.Chmod(open, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := asOtherUser(func() { wantAnswer(t, "unix", open) }); err != nil {
		t.Error(err)
	}
}
