package test

import (
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/subscriber"
)

// TestSIGTERMDrains proves that a stop loses nothing and does not send everybody back at once.
func TestSIGTERMDrains(t *testing.T) {
	t.Parallel()
	const window = 2 * time.Second
	d := start(t, "--drain-window", window.String())
	var streams []*subscriber.Stream
	for i := range 20 {
		r := d.request("subscribe=a")
		if i%2 == 0 {
			r = d.plain("subscribe=a")
		}
		streams = append(streams, d.open(r))
	}
	d.send("a", "last words")
	began := time.Now()
	d.signal(syscall.SIGTERM)

	type end struct {
		events []subscriber.Event
		err    error
		retry  time.Duration
		after  time.Duration
	}
	ends := make([]end, len(streams))
	var all sync.WaitGroup
	for i, s := range streams {
		all.Go(func() {
			events, err := s.Rest()
			ends[i] = end{events, err, s.Decoder.Retry(), time.Since(began)}
		})
	}
	all.Wait()
	first, last := ends[0].after, ends[0].after
	retries := make(map[time.Duration]bool)
	for i, e := range ends {
		if e.err != nil || len(e.events) != 1 || e.events[0].Data != "last words" {
			t.Errorf("stream %d: %+v, error %v; want the last message and a clean end", i, e.events, e.err)
		}
		if e.retry <= 0 {
			t.Errorf("stream %d: ended without retry", i)
		}
		retries[e.retry] = true
		first, last = min(first, e.after), max(last, e.after)
	}
	if last-first < window/4 {
		t.Errorf("the ends came within %s of each other, want them spread over %s", last-first, window)
	}
	if len(retries) < 2 {
		t.Errorf("all streams were told the same retry %v", retries)
	}
	if code := d.wait(patience); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	if took := time.Since(began); took > window+5*time.Second {
		t.Errorf("the end took %s, the window is %s", took, window)
	}
	if _, err := net.Dial("tcp", d.https); err == nil {
		t.Error("somebody still listens")
	}
	if _, err := os.Stat(d.socket); err == nil {
		t.Error("the control socket is left behind")
	}
}

func TestDrainStopsAccepting(t *testing.T) {
	t.Parallel()
	d := start(t, "--drain-window", "2s")
	s := d.subscribe("subscribe=a")
	var drained struct {
		Streams       int
		WindowSeconds float64 `json:"window_seconds"`
	}
	d.call("drain", object{"window_seconds": 1}, &drained)
	if drained.Streams != 1 || drained.WindowSeconds != 1 {
		t.Errorf("drain: %+v", drained)
	}
	eventually(t, "no stream is served any more", func() bool {
		late, err := subscriber.Open(t.Context(), d.plain("subscribe=a"))
		if err != nil {
			return true
		}
		defer late.Close()
		events, _ := late.Rest()
		return len(events) == 0
	})
	if _, err := s.Rest(); err != nil {
		t.Errorf("the live stream ended with %v", err)
	}
	if code := d.wait(patience); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

func TestStopDuringStop(t *testing.T) {
	t.Parallel()
	d := start(t, "--drain-window", "60s")
	d.subscribe("subscribe=a")
	d.signal(syscall.SIGTERM)
	eventually(t, "the drain has begun", func() bool {
		conn, err := net.Dial("tcp", d.http)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	d.signal(syscall.SIGTERM)
	d.wait(10 * time.Second)
}

func TestReloadTouchesNoStream(t *testing.T) {
	t.Parallel()
	d := prepare(t)
	conf := d.path("hassesd.toml")
	write(t, conf, []byte("log_level = \"debug\"\n[cors]\norigins = [\"https://old.example\"]\n"))
	for i, a := range d.args { // the file decides about the level, not a flag
		if a == "--log-level" {
			d.args = append(d.args[:i], d.args[i+2:]...)
			break
		}
	}
	d.args = append(d.args, "--config", conf)
	d.run()
	live := d.subscribe("subscribe=a")
	before := live.TLS.PeerCertificates[0].SerialNumber
	serial := func() string {
		s := d.subscribe("subscribe=b")
		defer s.Close()
		return s.TLS.PeerCertificates[0].SerialNumber.String()
	}

	leaf := d.ca.issue(t, d.dir)
	write(t, conf, []byte("log_level = \"quiet\"\n[cors]\norigins = [\"https://new.example\"]\n"))
	d.signal(syscall.SIGHUP)
	eventually(t, "new connections get the new certificate", func() bool { return serial() == leaf.SerialNumber.String() })
	eventually(t, "the new log level", func() bool { return d.status().LogLevel == "quiet" })
	r := d.request("subscribe=b")
	r.Header = []string{"Origin: https://new.example"}
	if got := d.open(r).Header.Get("Access-Control-Allow-Origin"); got != "https://new.example" {
		t.Errorf("after the reload: Access-Control-Allow-Origin %q", got)
	}
	d.send("a", "still here")
	message(t, live, "still here")
	if before.Cmp(leaf.SerialNumber) == 0 {
		t.Fatal("the test issued the same certificate twice")
	}

	// A bad set changes nothing, and is reported.
	write(t, d.path("cert.pem"), []byte("no certificate"))
	write(t, conf, []byte("log_level = \"debug\"\n"))
	if out := d.ctl("reload"); out.code != 1 || !strings.Contains(out.stderr, "cert.pem") {
		t.Errorf("reload with a broken certificate: %s; want exit code 1 and the file's name", out)
	}
	if got := d.status().LogLevel; got != "quiet" {
		t.Errorf("half of a bad set is in force: log level %s", got)
	}
	if got := serial(); got != leaf.SerialNumber.String() {
		t.Errorf("after a bad reload: certificate %s, want the one before", got)
	}
	d.send("a", "and still here")
	message(t, live, "and still here")
}

func TestLogFileIsReopened(t *testing.T) {
	t.Parallel()
	d := prepare(t)
	logFile := d.path("hassesd.log")
	d.args = append(d.args, "--log-file", logFile, "--log-format", "json")
	d.run()
	if err := os.Rename(logFile, logFile+".1"); err != nil {
		t.Fatal(err)
	}
	d.signal(syscall.SIGHUP)
	eventually(t, "a new log file with text in it", func() bool {
		info, err := os.Stat(logFile)
		return err == nil && info.Size() > 0
	})
}

// TestStartAfterKill proves that a socket and a FIFO left behind do not keep the daemon from starting.
func TestStartAfterKill(t *testing.T) {
	t.Parallel()
	d := start(t)
	first := d.status().Epoch
	if err := d.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-d.exited
	d.run()
	if second := d.status().Epoch; second == first {
		t.Errorf("epoch %s again after a start without history", second)
	}
	s := d.subscribe("subscribe=a")
	command(t, "", "/bin/sh", "-c", fmt.Sprintf("echo a=again > %s", d.fifo))
	message(t, s, "again")
}

// TestTwoDaemonsDoNotShareASocket proves that a start does not steal the doors of a daemon that lives.
func TestTwoDaemonsDoNotShareASocket(t *testing.T) {
	t.Parallel()
	d := start(t)
	other := prepare(t)
	for i, a := range other.args {
		if a == "--control-socket" {
			other.args[i+1] = d.socket
		}
	}
	r := command(t, "", hassesd, other.args...)
	if r.code == 0 || !strings.Contains(r.stdout+r.stderr, d.socket) {
		t.Errorf("a second daemon on the same socket: %s; want a failure that names it", r)
	}
	if !d.answers() {
		t.Error("the first daemon lost its socket")
	}
}
