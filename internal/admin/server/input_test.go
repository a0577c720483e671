package server

import (
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// socketPair returns both ends of a connection.
func socketPair(t *testing.T) (ours *net.UnixConn, theirs net.Conn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]*net.UnixConn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "pair")
		c, err := net.FileConn(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		ends[i] = c.(*net.UnixConn)
	}
	return ends[0], ends[1]
}

func write(t *testing.T, c net.Conn, s string) {
	t.Helper()
	if _, err := c.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
}

func wantRead(t *testing.T, in *input, pause time.Duration, want string, event readEvent) {
	t.Helper()
	buf := make([]byte, 16)
	n, got := in.read(buf, pause)
	if string(buf[:n]) != want || got != event {
		t.Errorf("got %q and event %d, want %q and event %d", buf[:n], got, want, event)
	}
}

func TestInput(t *testing.T) {
	ours, theirs := socketPair(t)
	in := newInput(ours)
	write(t, theirs, "hello")
	wantRead(t, in, shortPause, "hello", readData)
	begin := time.Now()
	wantRead(t, in, shortPause, "", readPause)
	if took := time.Since(begin); took < shortPause {
		t.Errorf("the pause took %v", took)
	}
	write(t, theirs, "again") // the deadline of the pause is forgotten
	wantRead(t, in, 0, "again", readData)
	theirs.Close()
	wantRead(t, in, shortPause, "", readEnd)
}

// lateSource is a connection whose reader got to it when the deadline had passed.
type lateSource struct{ *net.UnixConn }

func (lateSource) Read([]byte) (int, error) { return 0, os.ErrDeadlineExceeded }

func TestInputOfALateReaderIsNoPause(t *testing.T) {
	ours, theirs := socketPair(t)
	in := newInput(lateSource{ours})
	write(t, theirs, "hello")
	wantRead(t, in, shortPause, "hello", readData)
	wantRead(t, in, shortPause, "", readPause)
	theirs.Close()
	wantRead(t, in, shortPause, "", readEnd)
}

func TestInputEndsWhenStopped(t *testing.T) {
	ours, theirs := socketPair(t)
	in := newInput(ours)
	write(t, theirs, strings.Repeat("x", 20))
	in.stop()
	wantRead(t, in, 0, strings.Repeat("x", 16), readData)
	wantRead(t, in, shortPause, "xxxx", readData)
	wantRead(t, in, shortPause, "", readEnd)
}

func TestInputReadsWithinABoundWhenStopped(t *testing.T) {
	ours, theirs := socketPair(t)
	in := newInput(ours)
	in.left = 20
	write(t, theirs, strings.Repeat("x", 100))
	in.stop()
	wantRead(t, in, 0, strings.Repeat("x", 16), readData)
	wantRead(t, in, 0, "xxxx", readData)
	wantRead(t, in, 0, "", readEnd)
}

func TestInputIsStoppedWhileItWaits(t *testing.T) {
	ours, _ := socketPair(t)
	in := newInput(ours)
	ended := make(chan readEvent, 1)
	go func() {
		_, event := in.read(make([]byte, 16), 0)
		ended <- event
	}()
	in.stop()
	if event := <-ended; event != readEnd {
		t.Errorf("got event %d", event)
	}
}

func TestPauseAfter(t *testing.T) {
	for pending, want := range map[int]time.Duration{0: 0, 1: 50 * time.Millisecond, 4096: 50 * time.Millisecond, 4097: 500 * time.Millisecond, 1 << 24: 500 * time.Millisecond} {
		if got := pauseAfter(pending); got != want {
			t.Errorf("%d bytes: got %v, want %v", pending, got, want)
		}
	}
}
