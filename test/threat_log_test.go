package test

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
)

// fullPipe returns the end of a pipe that takes nothing: its reader lives, and does not read.
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

// deafManager returns the address of a service manager that lives and does not listen.
func deafManager(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "deaf-") //nolint:usetesting // with the test's name in it, the path would be too long
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

// noise makes a daemon log on its loops, at its doors and in its control protocol, more than any buffer holds.
func noise(d *daemon) {
	d.t.Helper()
	for range 50 { // a loop logs each connection, as the level is debug
		c, err := net.DialTimeout("tcp", d.http, patience)
		if err != nil {
			d.t.Fatal(err)
		}
		_ = c.Close()
	}
	c := d.classic("unix") // the text of status goes into the log as well
	for range 1000 {
		c.say("status\n")
		for c.line() != "------------- end --------------" {
		}
	}
	if got := c.ask("nonsense"); !strings.HasPrefix(got, "error ") {
		d.t.Errorf("a command that is none: %q", got)
	}
}

// deafClients leaves connections that ask and never read.
func deafClients(d *daemon) {
	d.t.Helper()
	for _, network := range []string{"unix", "tcp"} {
		for range 4 {
			c := d.classic(network)
			if err := c.conn.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
				d.t.Fatal(err)
			}
			_, _ = c.conn.Write([]byte(strings.Repeat("tcpstatus\n", 20_000))) // as far as it goes
		}
	}
}

// TestT26NobodyReadsTheLog: standard error is a pipe that is full, and the service manager does not listen, from the
// start to the end. Streams, publishers and commands notice nothing, the daemon ends when it is asked to, and keeps its
// history.
func TestT26NobodyReadsTheLog(t *testing.T) {
	t.Parallel()
	d := prepare(t, "--state-dir", filepath.Join(t.TempDir(), "state"))
	reader, writer := fullPipe(t)
	d.stderr = writer
	d.env = append(d.env, "NOTIFY_SOCKET="+deafManager(t), "WATCHDOG_USEC=1000000")
	d.run()
	good := attackedHerd(d)
	noise(d)
	deafClients(d)
	newcomer := d.subscribe("subscribe=a")
	d.send("a", "hello")
	message(t, newcomer, "hello")
	d.signal(syscall.SIGHUP)
	var reloaded struct{ Changed []string }
	d.call("reload", nil, &reloaded)
	lost := d.status().LogRecordsLost
	if lost == 0 {
		t.Error("no record of the log counts as lost")
	}
	if r := d.ctl("status"); !strings.Contains(r.stdout, "lost") {
		t.Errorf("hassesctl status does not tell: %s", r)
	}
	good.survived()
	last := d.status().LastEventID

	began := time.Now()
	d.signal(syscall.SIGTERM)
	if _, err := newcomer.Rest(); err != nil || newcomer.Decoder.Retry() <= 0 {
		t.Errorf("the stream ends with %v, and retry %s", err, newcomer.Decoder.Retry())
	}
	if code := d.wait(patience); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	t.Logf("%d records are lost; the end took %s", lost, time.Since(began).Round(time.Millisecond))
	reader.Close()

	d.stderr, d.env = nil, nil
	d.run()
	if got := d.status().LastEventID; got != last {
		t.Errorf("the next daemon goes on after %s, want %s", got, last)
	}
}

// TestT26TheLogTellsOfWhatIsMissing: when the log is read again, it says how many records are missing.
func TestT26TheLogTellsOfWhatIsMissing(t *testing.T) {
	t.Parallel()
	d := prepare(t)
	reader, writer := fullPipe(t)
	d.stderr = writer
	d.run()
	noise(d)
	var log logBuffer
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = log.buf.ReadFrom(reader) // until all writers are gone
	}()
	eventually(t, "records are written again", func() bool {
		before := d.status().LogRecordsLost
		noise(d)
		return before > 0 && d.status().LogRecordsLost == before
	})
	d.signal(syscall.SIGTERM)
	if code := d.wait(patience); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	writer.Close()
	<-copied
	if !log.contains("log records were lost") || !log.contains("msg=stopped") {
		t.Errorf("the log ends with %s", log.String())
	}
}

// TestT26NothingWaitsForTheWorld: each read, write and look-up that is not about a socket hangs for ever, as with a disk
// that is gone: the log, the FIFO, the configuration, certificates, the state directory. Streams, publishers and commands
// notice nothing, and the daemon ends when it is asked to.
func TestT26NothingWaitsForTheWorld(t *testing.T) {
	t.Parallel()
	d := prepare(t, "--state-dir", filepath.Join(t.TempDir(), "state"), "--tls-watch", "1s")
	conf := d.path("hassesd.toml")
	write(t, conf, []byte("log_level = \"debug\"\n"))
	d.args = append(d.args, "--config", conf, "--pid-file", d.path("pid"))
	world := d.freezable()
	d.run()
	good := attackedHerd(d)
	world.freeze()
	d.signal(syscall.SIGHUP)
	if !world.hasHung(unix.SYS_OPENAT, conf) {
		t.Error("the configuration was not opened")
	}
	if !world.hasHung(unix.SYS_WRITE, "pipe:") {
		t.Error("nothing was logged")
	}
	noise(d)
	newcomer := d.subscribe("subscribe=a")
	d.send("a", "hello")
	message(t, newcomer, "hello")
	for _, method := range []string{"status", "clients", "rooms", "count", "certificates", "limits"} {
		var result object
		d.call(method, nil, &result)
	}
	if err := d.try("reload", nil, nil); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("a reload from a disk that hangs: %v", err)
	}
	d.send("a", "still here")
	message(t, newcomer, "still here")
	good.survived()

	began := time.Now()
	d.signal(syscall.SIGTERM)
	if _, err := newcomer.Rest(); err != nil || newcomer.Decoder.Retry() <= 0 {
		t.Errorf("the stream ends with %v, and retry %s", err, newcomer.Decoder.Retry())
	}
	const limit = time.Minute // below TimeoutStopSec= of the units
	if code := d.wait(limit); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	t.Logf("the end took %s", time.Since(began).Round(time.Millisecond))
}
