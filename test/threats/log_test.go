package threats

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/test/harness"
)

// fullPipe returns both ends of a pipe that is full and never read.
func fullPipe(t *testing.T) (reader, writer *os.File) {
	t.Helper()
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	if err := unix.SetNonblock(ends[1], true); err != nil {
		t.Fatal(err)
	}
	for junk := make([]byte, 4096); ; {
		_, err := unix.Write(ends[1], junk)
		if errors.Is(err, unix.EAGAIN) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.SetNonblock(ends[1], false); err != nil {
		t.Fatal(err)
	}
	reader, writer = os.NewFile(uintptr(ends[0]), "reader"), os.NewFile(uintptr(ends[1]), "writer")
	t.Cleanup(func() {
		reader.Close()
		writer.Close()
	})
	return reader, writer
}

// nonReadingManager returns the address of a service manager that never reads its socket.
func nonReadingManager(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "non-reading-") //nolint:usetesting // with the test's name in it, the path would be too long
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	address := filepath.Join(dir, "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { manager.Close() })
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	for {
		err := unix.Sendto(fd, []byte("junk"), 0, &unix.SockaddrUnix{Name: address})
		if errors.Is(err, unix.EAGAIN) {
			return address
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// noise makes a daemon log more than any buffer holds, from its loops, listeners and control
// protocol.
func noise(d *harness.Daemon) {
	d.T.Helper()
	for range 50 { // a loop logs each connection, as the level is debug
		c, err := net.DialTimeout("tcp", d.HTTP, harness.Patience)
		if err != nil {
			d.T.Fatal(err)
		}
		_ = c.Close()
	}
	c := d.Classic("unix") // the text of status goes into the log as well
	for range 1000 {
		c.Say("status\n")
		for c.Line() != "------------- end --------------" {
		}
	}
	if got := c.Ask("nonsense"); !strings.HasPrefix(got, "error ") {
		d.T.Errorf("a command that is none: %q", got)
	}
}

// nonReadingClients opens connections that send requests and never read.
func nonReadingClients(d *harness.Daemon) {
	d.T.Helper()
	for _, network := range []string{"unix", "tcp"} {
		for range 4 {
			c := d.Classic(network)
			if err := c.Conn.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
				d.T.Fatal(err)
			}
			_, _ = c.Conn.Write([]byte(strings.Repeat("tcpstatus\n", 20_000))) // as far as it goes
		}
	}
}

// TestT26NobodyReadsTheLog: from start to end, standard error is a full pipe and the service
// manager does not read. Streams, publishers and commands notice nothing; the daemon stops when
// asked to, and keeps its history.
func TestT26NobodyReadsTheLog(t *testing.T) {
	t.Parallel()
	d := harness.Prepare(t, "--state-dir", filepath.Join(t.TempDir(), "state"))
	reader, writer := fullPipe(t)
	d.Stderr = writer
	d.Env = append(d.Env, "NOTIFY_SOCKET="+nonReadingManager(t), "WATCHDOG_USEC=1000000")
	d.Run()
	good := attackedGoodStreams(d)
	noise(d)
	nonReadingClients(d)
	late := d.Subscribe("subscribe=a")
	d.Send("a", "hello")
	harness.WantMessage(t, late, "hello")
	d.Signal(syscall.SIGHUP)
	var reloaded struct{ Changed []string }
	d.Call("reload", nil, &reloaded)
	lost := d.Status().LogRecordsLost
	if lost == 0 {
		t.Error("no record of the log counts as lost")
	}
	if r := d.Ctl("status"); !strings.Contains(r.Stdout, "lost") {
		t.Errorf("hassesctl status does not tell: %s", r)
	}
	good.survived()
	last := d.Status().LastEventID

	began := time.Now()
	d.Signal(syscall.SIGTERM)
	if _, err := late.Rest(); err != nil || late.Decoder.Retry() <= 0 {
		t.Errorf("the stream ends with %v, and retry %s", err, late.Decoder.Retry())
	}
	if code := d.Wait(harness.Patience); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	t.Logf("%d records are lost; the end took %s", lost, time.Since(began).Round(time.Millisecond))
	reader.Close()

	d.Stderr, d.Env = nil, nil
	d.Run()
	if got := d.Status().LastEventID; got != last {
		t.Errorf("the next daemon goes on after %s, want %s", got, last)
	}
}

// TestT26TheLogTellsOfWhatIsMissing: when the log is read again, it states how many records are
// missing.
func TestT26TheLogTellsOfWhatIsMissing(t *testing.T) {
	t.Parallel()
	d := harness.Prepare(t)
	reader, writer := fullPipe(t)
	d.Stderr = writer
	d.Run()
	noise(d)
	var log harness.Log
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = log.Buf.ReadFrom(reader) // until all writers are gone
	}()
	harness.Eventually(t, "records are written again", func() bool {
		before := d.Status().LogRecordsLost
		noise(d)
		return before > 0 && d.Status().LogRecordsLost == before
	})
	d.Stop()
	writer.Close()
	<-copied
	if !log.Contains("log records were lost") || !log.Contains("msg=stopped") {
		t.Errorf("the log ends with %s", log.String())
	}
}

// TestT26NothingWaitsForTheWorld: every read, write and look-up that is not about a socket hangs
// forever, as with a failed disk: the log, the FIFO, the configuration, certificates, the state
// directory. Streams, publishers and commands notice nothing, and the daemon stops when asked to.
func TestT26NothingWaitsForTheWorld(t *testing.T) {
	t.Parallel()
	harness.SkipInCoverage(t)
	d := harness.Prepare(t, "--state-dir", filepath.Join(t.TempDir(), "state"), "--tls-watch", "1s")
	conf := d.Path("hassesd.toml")
	harness.WriteFile(t, conf, []byte("log_level = \"debug\"\n"))
	d.Args = append(d.Args, "--config", conf, "--pid-file", d.Path("pid"))
	world := freezable(d)
	d.Run()
	good := attackedGoodStreams(d)
	world.freeze()
	d.Signal(syscall.SIGHUP)
	if !world.hasHung(unix.SYS_OPENAT, conf) {
		t.Error("the configuration was not opened")
	}
	if !world.hasHung(unix.SYS_WRITE, "pipe:") {
		t.Error("nothing was logged")
	}
	noise(d)
	late := d.Subscribe("subscribe=a")
	d.Send("a", "hello")
	harness.WantMessage(t, late, "hello")
	for _, method := range []string{"status", "clients", "rooms", "count", "certificates", "limits"} {
		var result harness.Object
		d.Call(method, nil, &result)
	}
	if err := d.Try("reload", nil, nil); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("a reload from a disk that hangs: %v", err)
	}
	d.Send("a", "still here")
	harness.WantMessage(t, late, "still here")
	good.survived()

	began := time.Now()
	d.Signal(syscall.SIGTERM)
	if _, err := late.Rest(); err != nil || late.Decoder.Retry() <= 0 {
		t.Errorf("the stream ends with %v, and retry %s", err, late.Decoder.Retry())
	}
	const limit = time.Minute // below TimeoutStopSec= of the units
	if code := d.Wait(limit); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	t.Logf("the end took %s", time.Since(began).Round(time.Millisecond))
}
