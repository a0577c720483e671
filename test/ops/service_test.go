package ops

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/systemd/systemdtest"
	"github.com/hassesd/hassesd/test/harness"
	"github.com/hassesd/hassesd/test/subscriber"
)

// runUnder starts the daemon under the manager and waits until it has sent READY=1.
func runUnder(d *harness.Daemon, m *systemdtest.Manager, env ...string) {
	d.T.Helper()
	d.Env = append(env, "NOTIFY_SOCKET="+m.Address)
	d.Run()
	m.AwaitLine("READY=1")
}

// wantDelivery starts the daemon as a manager does that has kept sockets for it.
func wantDelivery(d *harness.Daemon, m *systemdtest.Manager) {
	d.T.Helper()
	var names []string
	d.Files = nil
	for _, s := range m.Stored() {
		names = append(names, s.Name)
		d.Files = append(d.Files, s.File)
	}
	d.Wrap = []string{"/bin/sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, harness.Hassesd}
	runUnder(d, m, fmt.Sprintf("LISTEN_FDS=%d", len(names)), "LISTEN_FDNAMES="+strings.Join(names, ":"))
	for _, f := range d.Files {
		f.Close()
	}
}

// TestTheManagerIsToldInOrder takes a service through its life as systemd sees it, watchdog
// included.
func TestTheManagerIsToldInOrder(t *testing.T) {
	t.Parallel()
	m := systemdtest.New(t)
	d := harness.Prepare(t)
	runUnder(d, m, "WATCHDOG_USEC=1000000")
	d.Subscribe("subscribe=a-b")
	m.AwaitLine("STATUS=1 stream in 2 rooms")
	d.Signal(syscall.SIGHUP)
	m.Await("the end of the reload", func(said []string) bool {
		i := slices.Index(said, "RELOADING=1")
		return i >= 0 && slices.Contains(said[i:], "READY=1")
	})
	m.Await("that all is well", func(said []string) bool { return slices.Contains(said, "WATCHDOG=1") })
	d.Stop()
	m.AwaitLine("STOPPING=1")
	if got, want := m.Life(), []string{"READY=1", "RELOADING=1", "READY=1", "STOPPING=1"}; !slices.Equal(got, want) {
		t.Errorf("said %q, want %q", got, want)
	}
}

func TestSocketActivation(t *testing.T) {
	t.Parallel()
	m := systemdtest.New(t)
	d := harness.Prepare(t)
	// No inherited socket has the http:// address of listen: the daemon opens one.
	d.Wrap = []string{
		"/bin/sh", "-c", `umask 0077; exec "$0" "$@"`, harness.Tool(t, "systemd-socket-activate"),
		"--fdname=https:control:control-tcp", "--listen=" + d.HTTPS, "--listen=" + d.Socket, "--listen=" + d.TCP,
		"--setenv=NOTIFY_SOCKET=" + m.Address, harness.Hassesd,
	}
	d.Launch()
	harness.Eventually(t, "the sockets are there", func() bool { return d.Log.Contains("Listening on " + d.TCP) })
	if d.Log.Contains("msg=starting") {
		t.Error("the daemon has started before anybody came")
	}
	s := d.Subscribe("subscribe=a") // whose connection starts it
	m.AwaitLine("READY=1")
	d.Send("a", "hello")
	harness.WantMessage(t, s, "hello")
	d.Classic("tcp").Say("a=again\n")
	harness.WantMessage(t, s, "again")
	for _, kept := range m.Stored() {
		if kept.Name != "kept-http" {
			t.Errorf("%s is the unit's, and was kept all the same", kept.Name)
		}
	}
	if n := len(m.Stored()); n != 1 {
		t.Errorf("%d sockets kept, want the one that no unit has given", n)
	}
	d.Stop()
	if _, err := os.Stat(d.Socket); err != nil {
		t.Errorf("the unit's control socket was taken away: %v", err)
	}
}

func TestSocketActivationWithAWrongName(t *testing.T) {
	t.Parallel()
	d := harness.Prepare(t)
	d.Wrap = []string{harness.Tool(t, "systemd-socket-activate"), "--fdname=tls", "--listen=" + d.HTTPS, harness.Hassesd}
	d.Launch()
	harness.Eventually(t, "the socket is there", func() bool { return d.Log.Contains("Listening on") })
	conn, err := net.Dial("tcp", d.HTTPS)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if code := d.Wait(harness.Patience); code != 2 || !d.Log.WaitFor(`"tls"`) || !d.Log.WaitFor("FileDescriptorName=") {
		t.Errorf("exit code %d, want 2 and an error that helps", code)
	}
	d.Err = nil // it was meant to fail
}

// TestARestartRefusesNoConnection proves that connections made during a restart are not refused,
// neither on the listener nor on the control socket, when the service manager keeps the sockets:
// they wait for the next process.
func TestARestartRefusesNoConnection(t *testing.T) {
	t.Parallel()
	m := systemdtest.New(t)
	d := harness.Prepare(t, "--drain-window", "10s")
	runUnder(d, m)
	wait := subscriber.Request{Addr: d.HTTPS, TLS: d.CA.ClientConfig(), Target: "/sse?subscribe=a", Wait: harness.Patience}

	var served atomic.Int64
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				s, err := subscriber.Open(t.Context(), wait)
				if err != nil {
					t.Errorf("client %d was not served: %v", served.Load(), err)
					return
				}
				if s.Status != 200 {
					t.Errorf("client %d got status %d", served.Load(), s.Status)
				}
				s.Close()
				served.Add(1)
			}
		})
	}
	defer clients.Wait()
	defer close(stop)
	more := func(n int64) {
		t.Helper()
		until := served.Load() + n
		harness.Eventually(t, "clients are served", func() bool { return served.Load() >= until || t.Failed() })
	}

	more(50)
	for range 2 {
		first := d.Status().PID
		m.Forget()
		d.Stop()
		// No daemon runs now, and no connection is refused.
		early, err := net.Dial("unix", d.Socket)
		if err != nil {
			t.Fatalf("the control socket refuses while nobody is there: %v", err)
		}
		if _, err := early.Write([]byte(`{"jsonrpc":"2.0","id":1,"method":"hello"}` + "\n")); err != nil {
			t.Fatal(err)
		}
		wantDelivery(d, m)
		if err := early.SetReadDeadline(time.Now().Add(harness.Patience)); err != nil {
			t.Fatal(err)
		}
		if n, err := early.Read(make([]byte, 64)); err != nil || n == 0 {
			t.Errorf("who asked between two processes got no answer: %v", err)
		}
		early.Close()
		if second := d.Status().PID; second == first {
			t.Error("the same process answers")
		}
		more(50)
	}
	names := make(map[string]int)
	for _, s := range m.Stored() {
		names[s.Name]++
	}
	if names["kept-https"] != 1 || names["kept-http"] != 1 || names["kept-control"] != 1 || names["kept-control-tcp"] != 1 || len(names) != 4 {
		t.Errorf("kept after two restarts: %v", names)
	}
	t.Logf("%d connections, none refused", served.Load())
}

// TestASocketThatIsNotWantedAnyMoreIsGivenBack: the settings win over the sockets that were kept.
func TestASocketThatIsNotWantedAnyMoreIsGivenBack(t *testing.T) {
	t.Parallel()
	m := systemdtest.New(t)
	d := harness.Prepare(t)
	runUnder(d, m)
	d.Stop()
	old, oldSocket := d.HTTP, d.Socket
	d.HTTP, d.Socket = harness.FreeAddress(t), filepath.Join(d.Dir, "other.sock")
	for i, a := range d.Args {
		d.Args[i] = strings.NewReplacer(old, d.HTTP, oldSocket, d.Socket).Replace(a)
	}
	m.Forget()
	wantDelivery(d, m)
	if conn, err := net.Dial("tcp", old); err == nil {
		conn.Close()
		t.Error("the old address still takes connections")
	}
	if _, err := os.Lstat(oldSocket); err == nil {
		t.Error("the old control socket is left behind")
	}
	for _, s := range m.Stored() {
		if at := address(t, s.File); at == old || at == oldSocket {
			t.Errorf("%s at %s is still kept", s.Name, at)
		}
	}
	d.Open(d.Plain("subscribe=a"))
}

// address returns where a socket listens. It leaves the modes of the socket alone, which another
// process uses.
func address(t *testing.T, f *os.File) string {
	t.Helper()
	raw, err := f.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var sa syscall.Sockaddr
	var failed error
	if err := raw.Control(func(fd uintptr) { sa, failed = syscall.Getsockname(int(fd)) }); err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	switch sa := sa.(type) {
	case *syscall.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port)).String()
	case *syscall.SockaddrUnix:
		return sa.Name
	}
	t.Fatalf("a socket with the address %v", sa)
	return ""
}
