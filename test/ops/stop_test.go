package ops

import (
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/harness"
	"github.com/hassesd/hassesd/test/subscriber"
)

// TestSIGTERMDrains proves that a stop loses nothing and does not end all streams at once.
func TestSIGTERMDrains(t *testing.T) {
	t.Parallel()
	const window = 2 * time.Second
	d := harness.Start(t, "--drain-window", window.String())
	var streams []*subscriber.Stream
	for i := range 20 {
		r := d.Request("subscribe=a")
		if i%2 == 0 {
			r = d.Plain("subscribe=a")
		}
		streams = append(streams, d.Open(r))
	}
	d.Send("a", "last words")
	began := time.Now()
	d.Signal(syscall.SIGTERM)

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
	if code := d.Wait(harness.Patience); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	if took := time.Since(began); took > window+5*time.Second {
		t.Errorf("the end took %s, the window is %s", took, window)
	}
	if _, err := net.Dial("tcp", d.HTTPS); err == nil {
		t.Error("somebody still listens")
	}
	if _, err := os.Stat(d.Socket); err == nil {
		t.Error("the control socket is left behind")
	}
}

func TestDrainStopsAccepting(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--drain-window", "2s")
	s := d.Subscribe("subscribe=a")
	var drained struct {
		Streams       int
		WindowSeconds float64 `json:"window_seconds"`
	}
	d.Call("drain", harness.Object{"window_seconds": 1}, &drained)
	if drained.Streams != 1 || drained.WindowSeconds != 1 {
		t.Errorf("drain: %+v", drained)
	}
	harness.Eventually(t, "no stream is served any more", func() bool {
		late, err := subscriber.Open(t.Context(), d.Plain("subscribe=a"))
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
	if code := d.Wait(harness.Patience); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

func TestStopDuringStop(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--drain-window", "60s")
	d.Subscribe("subscribe=a")
	d.Signal(syscall.SIGTERM)
	harness.Eventually(t, "the drain has begun", func() bool {
		conn, err := net.Dial("tcp", d.HTTP)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	d.Signal(syscall.SIGTERM)
	d.Wait(10 * time.Second)
}

func TestReloadTouchesNoStream(t *testing.T) {
	t.Parallel()
	d := harness.Prepare(t)
	conf := d.Path("hassesd.toml")
	harness.WriteFile(t, conf, []byte("log_level = \"debug\"\n[cors]\norigins = [\"https://old.example\"]\n"))
	for i, a := range d.Args { // the file decides about the level, not a flag
		if a == "--log-level" {
			d.Args = append(d.Args[:i], d.Args[i+2:]...)
			break
		}
	}
	d.Args = append(d.Args, "--config", conf)
	d.Run()
	live := d.Subscribe("subscribe=a")
	before := live.TLS.PeerCertificates[0].SerialNumber
	serial := func() string {
		s := d.Subscribe("subscribe=b")
		defer s.Close()
		return s.TLS.PeerCertificates[0].SerialNumber.String()
	}

	leaf := d.CA.Issue(t, d.Dir)
	harness.WriteFile(t, conf, []byte("log_level = \"quiet\"\n[cors]\norigins = [\"https://new.example\"]\n"))
	d.Signal(syscall.SIGHUP)
	harness.Eventually(t, "new connections get the new certificate", func() bool { return serial() == leaf.SerialNumber.String() })
	harness.Eventually(t, "the new log level", func() bool { return d.Status().LogLevel == "quiet" })
	r := d.Request("subscribe=b")
	r.Header = []string{"Origin: https://new.example"}
	if got := d.Open(r).Header.Get("Access-Control-Allow-Origin"); got != "https://new.example" {
		t.Errorf("after the reload: Access-Control-Allow-Origin %q", got)
	}
	d.Send("a", "still here")
	harness.WantMessage(t, live, "still here")
	if before.Cmp(leaf.SerialNumber) == 0 {
		t.Fatal("the test issued the same certificate twice")
	}

	// A bad set changes nothing, and is reported.
	harness.WriteFile(t, d.Path("cert.pem"), []byte("no certificate"))
	harness.WriteFile(t, conf, []byte("log_level = \"debug\"\n"))
	if out := d.Ctl("reload"); out.Code != 1 || !strings.Contains(out.Stderr, "cert.pem") {
		t.Errorf("reload with a broken certificate: %s; want exit code 1 and the file's name", out)
	}
	if got := d.Status().LogLevel; got != "quiet" {
		t.Errorf("half of a bad set is in force: log level %s", got)
	}
	if got := serial(); got != leaf.SerialNumber.String() {
		t.Errorf("after a bad reload: certificate %s, want the one before", got)
	}
	d.Send("a", "and still here")
	harness.WantMessage(t, live, "and still here")
}

func TestLogFileIsReopened(t *testing.T) {
	t.Parallel()
	d := harness.Prepare(t)
	logFile := d.Path("hassesd.log")
	d.Args = append(d.Args, "--log-file", logFile, "--log-format", "json")
	d.Run()
	if err := os.Rename(logFile, logFile+".1"); err != nil {
		t.Fatal(err)
	}
	d.Signal(syscall.SIGHUP)
	harness.Eventually(t, "a new log file with text in it", func() bool {
		info, err := os.Stat(logFile)
		return err == nil && info.Size() > 0
	})
}

// TestStartAfterKill proves that a stale socket and FIFO do not keep the daemon from starting.
func TestStartAfterKill(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	first := d.Status().Epoch
	if err := d.Cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-d.Exited
	d.Run()
	if second := d.Status().Epoch; second == first {
		t.Errorf("epoch %s again after a start without history", second)
	}
	s := d.Subscribe("subscribe=a")
	harness.Run(t, "", "/bin/sh", "-c", fmt.Sprintf("echo a=again > %s", d.FIFO))
	harness.WantMessage(t, s, "again")
}

// TestTwoDaemonsDoNotShareASocket proves that a second daemon does not take the sockets of a
// running one.
func TestTwoDaemonsDoNotShareASocket(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	other := harness.Prepare(t)
	for i, a := range other.Args {
		if a == "--control-socket" {
			other.Args[i+1] = d.Socket
		}
	}
	r := harness.Run(t, "", harness.Hassesd, other.Args...)
	if r.Code == 0 || !strings.Contains(r.Stdout+r.Stderr, d.Socket) {
		t.Errorf("a second daemon on the same socket: %s; want a failure that names it", r)
	}
	if !d.Answers() {
		t.Error("the first daemon lost its socket")
	}
}
