package reactor

import (
	"errors"
	"net"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// stuff writes to a connection whose peer does not read until it takes no more for a while, and
// returns how much it took.
func stuff(t *testing.T, fd int) int {
	t.Helper()
	chunk := make([]byte, 16<<10)
	taken := 0
	for quiet := 0; quiet < 10; quiet++ {
		for {
			n, err := linux{}.Write(fd, chunk)
			if errors.Is(err, ErrWouldBlock) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			taken += n
			quiet = 0
		}
		if _, err := unix.Poll(nil, 5); err != nil && !errors.Is(err, unix.EINTR) {
			t.Fatal(err)
		}
	}
	return taken
}

// stalled returns the server's end of a connection whose client never reads.
func stalled(t *testing.T, l Listener) int {
	t.Helper()
	client, err := (&net.Dialer{Timeout: 30 * time.Second, Control: smallWindow}).DialContext(t.Context(), "tcp", l.Addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	fd := acceptOne(t, l.FD)
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}

func smallWindow(_, _ string, c syscall.RawConn) (err error) {
	outer := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 1024) })
	return errors.Join(outer, err)
}

// What a client that does not read leaves in the kernel is what was allowed, not megabytes.
func TestStalledClientLeavesLittleInTheKernel(t *testing.T) {
	l := mustListen(t, "127.0.0.1:0")[0]
	for _, bytes := range []int{DefaultSendBytes, 32 << 10} {
		if err := l.BoundSend(bytes); err != nil {
			t.Fatal(err)
		}
		fd := stalled(t, l)
		taken := stuff(t, fd)
		held, err := linux{}.Unsent(fd)
		if err != nil || held == 0 || held > taken {
			t.Errorf("the kernel says that it holds %d bytes of %d, %v", held, taken, err)
		}
		// One packet more than the bound on what is not sent, and what the client's window holds.
		if most := bytes/2 + 80<<10; held > most {
			t.Errorf("with a bound of %d the kernel holds %d bytes", bytes, held)
		}
	}
}
