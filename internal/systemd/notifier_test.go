package systemd

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// listen is a service manager's end of the protocol.
func listen(t *testing.T, address string) *net.UnixConn {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// receive reads a datagram, and the descriptors that came with it.
func receive(t *testing.T, conn *net.UnixConn) (string, []int) {
	t.Helper()
	buf, oob := make([]byte, 4096), make([]byte, 256)
	n, oobn, _, _, err := conn.ReadMsgUnix(buf, oob)
	if err != nil {
		t.Fatal(err)
	}
	var fds []int
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		got, err := unix.ParseUnixRights(&m)
		if err != nil {
			t.Fatal(err)
		}
		fds = append(fds, got...)
	}
	return string(buf[:n]), fds
}

func connect(t *testing.T, address string) *Notifier {
	t.Helper()
	n, err := Dial(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

func TestNotify(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]string{
		"path":     filepath.Join(t.TempDir(), "notify"),
		"abstract": fmt.Sprintf("@hassesd-test-%d", os.Getpid()),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			manager := listen(t, address)
			n := connect(t, address)
			if err := n.Notify(Ready, Status("serving")); err != nil {
				t.Fatal(err)
			}
			if err := n.TryNotify(Alive); err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"READY=1\nSTATUS=serving", "WATCHDOG=1"} {
				if got, _ := receive(t, manager); got != want {
					t.Errorf("got %q, want %q", got, want)
				}
			}
		})
	}
}

func TestStore(t *testing.T) {
	t.Parallel()
	address := filepath.Join(t.TempDir(), "notify")
	manager, n := listen(t, address), connect(t, address)
	socket, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = socket.Close() }()
	file, err := socket.File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := n.Store("kept-https", int(file.Fd())); err != nil {
		t.Fatal(err)
	}
	if err := n.Remove("kept-http"); err != nil {
		t.Fatal(err)
	}

	said, fds := receive(t, manager)
	if said != "FDSTORE=1\nFDNAME=kept-https" || len(fds) != 1 {
		t.Fatalf("%q with %d descriptors", said, len(fds))
	}
	kept := os.NewFile(uintptr(fds[0]), "kept")
	defer kept.Close()
	same, err := net.FileListener(kept)
	if err != nil {
		t.Fatal(err)
	}
	defer same.Close()
	if got, want := same.Addr().String(), socket.Addr().String(); got != want {
		t.Errorf("kept a socket at %s, want %s", got, want)
	}
	if said, fds := receive(t, manager); said != "FDSTOREREMOVE=1\nFDNAME=kept-http" || len(fds) != 0 {
		t.Errorf("%q with %d descriptors", said, len(fds))
	}
}

func TestBarrier(t *testing.T) {
	t.Parallel()
	address := filepath.Join(t.TempDir(), "notify")
	manager, n := listen(t, address), connect(t, address)
	passed := make(chan error, 1)
	go func() { passed <- n.Barrier(30 * time.Second) }()
	said, fds := receive(t, manager)
	if said != "BARRIER=1" || len(fds) != 1 {
		t.Fatalf("%q with %d descriptors", said, len(fds))
	}
	select {
	case err := <-passed:
		t.Errorf("the barrier was passed before the manager came to it: %v", err)
	default:
	}
	if err := unix.Close(fds[0]); err != nil {
		t.Fatal(err)
	}
	if err := <-passed; err != nil {
		t.Error(err)
	}
	if err := n.Barrier(time.Millisecond); !errors.Is(err, ErrBusy) {
		t.Errorf("a manager that does not come to it: %v, want %v", err, ErrBusy)
	}
}

func TestABusyManagerHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	address := filepath.Join(t.TempDir(), "notify")
	listen(t, address) // and never reads
	n := connect(t, address)
	// The kernel's own bound is net.unix.max_dgram_qlen, or the send buffer.
	for range 100_000 {
		if err := n.TryNotify(Alive); err != nil {
			if !errors.Is(err, ErrBusy) {
				t.Fatal(err)
			}
			began := time.Now()
			if err := n.Notify(Alive); !errors.Is(err, ErrBusy) {
				t.Errorf("Notify = %v, want %v", err, ErrBusy)
			}
			if took := time.Since(began); took < sendTimeout/2 || took > 20*sendTimeout {
				t.Errorf("Notify took %s, want about %s", took, sendTimeout)
			}
			return
		}
	}
	t.Error("there was always room")
}

func TestNobodyToTell(t *testing.T) {
	t.Parallel()
	var n *Notifier
	if err := errors.Join(n.Notify(Ready), n.TryNotify(Alive), n.Store("x", 0), n.Remove("x"), n.Barrier(time.Hour), n.Close()); err != nil {
		t.Error(err)
	}
}

func TestDialRefusesWhatIsNoAddress(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "@", "vsock:2:1", "run/notify", filepath.Join(t.TempDir(), "nobody"), "/" + strings.Repeat("x", 200)} {
		if n, err := Dial(address); err == nil {
			_ = n.Close()
			t.Errorf("Dial(%q) succeeded", address)
		}
	}
}

func TestTheManagerGoesAway(t *testing.T) {
	t.Parallel()
	address := filepath.Join(t.TempDir(), "notify")
	manager, n := listen(t, address), connect(t, address)
	_ = manager.Close()
	if err := n.Notify(Ready); err == nil || errors.Is(err, ErrBusy) {
		t.Errorf("Notify = %v", err)
	}
}
