package ops

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hassesd/hassesd/internal/systemd/systemdtest"
	"github.com/hassesd/hassesd/test/harness"
	"github.com/hassesd/hassesd/test/subscriber"
)

// onUnixSocket prepares a daemon that listens for a proxy on a Unix socket, and returns its path.
func onUnixSocket(t *testing.T, flags ...string) (d *harness.Daemon, path string) {
	t.Helper()
	d = harness.Prepare(t)
	path = d.Path("http.sock")
	d.Args = append(d.Args, "--listen", "unix:"+path, "--proxy-trusted", "unix", "--proxy-header", "X-Forwarded-For", "--sandbox", "auto")
	d.Args = append(d.Args, flags...)
	return d, path
}

// through is a subscription that a proxy passes on to a Unix socket.
func through(path, query, client string) subscriber.Request {
	return subscriber.Request{Addr: path, Target: "/sse?" + query, Header: []string{"X-Forwarded-For: " + client}, Wait: harness.Patience}
}

// wantClient requires the address that the list of clients has for an id.
func wantClient(d *harness.Daemon, id, addr string) {
	d.T.Helper()
	if got := d.ClientAddr(id); got != addr {
		d.T.Errorf("client %s is listed at %s, want %s", id, got, addr)
	}
}

// TestListenOnAUnixSocket takes a Unix socket through the life of two daemons: mode, the real address, a second daemon that must
// not take it, a crash that leaves the file, and an end that removes it.
func TestListenOnAUnixSocket(t *testing.T) {
	t.Parallel()
	d, path := onUnixSocket(t, "--proxy-unix-mode", "0600", "--limits-connections-per-address", "3")
	d.Run()
	if info, err := os.Stat(path); err != nil || info.Mode() != os.ModeSocket|0o600 {
		t.Fatalf("the socket's file: %v, %v", info, err)
	}
	for i := range 6 { // the limit is the clients', not the proxy's
		s := d.Open(through(path, "subscribe=a&id="+fmt.Sprint(i), fmt.Sprintf("198.51.100.%d", i)))
		d.Send("a", "hello")
		harness.WantMessage(t, s, "hello")
		wantClient(d, fmt.Sprint(i), fmt.Sprintf("198.51.100.%d:0", i))
		s.Close()
	}
	s := d.Open(through(path, "subscribe=a&id=none", "nobody"))
	wantClient(d, "none", "unix")
	s.Close()
	if r := d.Ctl("status"); !strings.Contains(r.Stdout, "unix:"+path) {
		t.Errorf("status does not list the socket: %s", r)
	}

	second := harness.Bare(t, "--auth", "none", "--listen", "unix:"+path, "--control-socket", "")
	second.Launch()
	if code := second.Wait(harness.Patience); code != 1 || !second.Log.WaitFor("another daemon answers there") {
		t.Errorf("a second daemon on the same socket: exit code %d", code)
	}
	second.Err = nil

	d.Signal(syscall.SIGKILL)
	<-d.Exited
	d.Err = nil
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("the crash left no file: %v", err)
	}
	d.Run()
	d.Open(through(path, "subscribe=a&id=again", "198.51.100.1"))
	wantClient(d, "again", "198.51.100.1:0")
	d.Stop()
	if _, err := os.Stat(path); err == nil {
		t.Error("the file is still there after the end")
	}
}

// TestAUnixSocketAfterTheDropOfPrivileges opens the socket as root for a group, and removes it as another user, in the sandbox.
func TestAUnixSocketAfterTheDropOfPrivileges(t *testing.T) {
	t.Parallel()
	harness.SkipUnlessRoot(t)
	const nobody, group, proxies = 65534, 54321, 54322
	d, _ := onUnixSocket(t, "--user", fmt.Sprint(nobody), "--group", fmt.Sprint(group), "--proxy-unix-group", fmt.Sprint(proxies))
	for _, dir := range []string{d.Dir, filepath.Dir(d.Dir)} { // tests' directories are for their user alone
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	dir := d.Path("run")
	path := filepath.Join(dir, "http.sock")
	if err := os.Mkdir(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, nobody, proxies); err != nil {
		t.Fatal(err)
	}
	d.Args = append(d.Args, "--listen", "unix:"+path)
	d.Run()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if st := info.Sys().(*syscall.Stat_t); st.Gid != proxies || info.Mode() != os.ModeSocket|0o660 {
		t.Errorf("the socket has group %d and mode %v", st.Gid, info.Mode())
	}
	s := d.Open(through(path, "subscribe=a&id=x", "198.51.100.1"))
	d.Send("a", "hello")
	harness.WantMessage(t, s, "hello")
	wantClient(d, "x", "198.51.100.1:0")
	d.Stop()
	if _, err := os.Stat(path); err == nil {
		t.Error("the file is still there after the end")
	}
}

// TestAUnixSocketIsKeptOverARestart has the service manager keep it: a client that connects in between waits.
func TestAUnixSocketIsKeptOverARestart(t *testing.T) {
	t.Parallel()
	m := systemdtest.New(t)
	d, path := onUnixSocket(t)
	runUnder(d, m)
	m.Forget()
	d.Stop()
	early, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("the socket refuses while nobody is there: %v", err)
	}
	defer early.Close()
	wantDelivery(d, m)
	if _, err := early.Write([]byte("GET /sse?subscribe=a&id=early HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 198.51.100.1\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	d.AwaitStreams("a", 1)
	wantClient(d, "early", "198.51.100.1:0")
}

// TestAUnixSocketOfAUnit takes the socket that a socket unit has made, and leaves its file.
func TestAUnixSocketOfAUnit(t *testing.T) {
	t.Parallel()
	d, path := onUnixSocket(t)
	d.Wrap = []string{harness.Tool(t, "systemd-socket-activate"), "--fdname=http", "--listen=" + path, harness.Hassesd}
	d.Launch()
	harness.Eventually(t, "the socket is there", func() bool { return d.Log.Contains("Listening on") })
	s := d.Open(through(path, "subscribe=a&id=x", "198.51.100.1"))
	d.Send("a", "hello")
	harness.WantMessage(t, s, "hello")
	wantClient(d, "x", "198.51.100.1:0")
	d.Stop()
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the unit's socket was taken away: %v", err)
	}
}
