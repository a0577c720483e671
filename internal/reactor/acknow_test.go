package reactor

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// unacked is how many packets of a client the server has not acknowledged.
func unacked(t *testing.T, client *net.TCPConn) uint32 {
	t.Helper()
	raw, err := client.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var info *unix.TCPInfo
	var errGet error
	if err := raw.Control(func(fd uintptr) { info, errGet = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) }); err != nil {
		t.Fatal(err)
	}
	if errGet != nil {
		t.Fatal(errGet)
	}
	return info.Unacked
}

// AckNow does not wait for the 40 ms in which the kernel may come by something to send. A busy
// machine can hide that in one round, and not in all.
func TestAckNow(t *testing.T) {
	l := mustListen(t, "127.0.0.1:0")[0]
	c, err := (&net.Dialer{Timeout: 30 * time.Second}).DialContext(t.Context(), "tcp", l.Addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	client := c.(*net.TCPConn)
	fd := acceptOne(t, l.FD)
	t.Cleanup(func() { _ = unix.Close(fd) })
	buf := make([]byte, 1)
	say := func(who string, do func(p []byte) (int, error)) {
		t.Helper()
		if _, err := do(buf); err != nil {
			t.Fatalf("%s: %v", who, err)
		}
	}
	read := func(p []byte) (int, error) { return readSome(fd, p) }
	write := func(p []byte) (int, error) { return linux{}.Write(fd, p) }
	for range 200 {
		// The kernel learns that this server answers, and so puts its acknowledgements off; then it
		// does not.
		for range 8 {
			say("client", client.Write)
			say("server", read)
			say("server", write)
			say("client", client.Read)
		}
		say("client", client.Write)
		say("server", read)
		before := unacked(t, client)
		if err := (linux{}).AckNow(fd); err != nil {
			t.Fatal(err)
		}
		if before > 0 && unacked(t, client) == 0 {
			return
		}
	}
	t.Error("what came was never acknowledged at once")
}

// readSome waits until there is something to read.
func readSome(fd int, p []byte) (int, error) {
	for {
		n, err := linux{}.Read(fd, p)
		if err != ErrWouldBlock { //nolint:errorlint // Read returns it as it is
			return n, err
		}
		if _, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 30_000); err != nil && err != unix.EINTR {
			return 0, err
		}
	}
}
