package daemon

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/reactor"
	"github.com/hassesd/hassesd/internal/systemd/systemdtest"
)

// startService runs a daemon under a service manager, which waits for it to be ready.
func startService(t *testing.T, toml string, variables ...string) (*running, *systemdtest.Manager) {
	t.Helper()
	m := systemdtest.New(t)
	r := startUnder(t, append(variables, "NOTIFY_SOCKET="+m.Address), toml)
	m.AwaitLine("READY=1")
	r.waitFor("the log's word for it", func() bool { return strings.Contains(r.logs.String(), "ready") })
	return r, m
}

func TestTheManagerIsToldOfALife(t *testing.T) {
	r, m := startService(t, "[drain]\nwindow = \"0s\"\n")
	if err := r.reload(); err != nil {
		t.Fatal(err)
	}
	r.configure("no setting = 1\n")
	if err := r.reload(); err == nil {
		t.Fatal("a broken configuration was taken")
	}
	r.stop()
	m.AwaitLine("STOPPING=1")
	want := []string{"READY=1", "RELOADING=1", "READY=1", "RELOADING=1", "READY=1", "STOPPING=1"}
	if got := m.Life(); !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
	for i, line := range m.Said() {
		if line == "RELOADING=1" && !strings.HasPrefix(m.Said()[i+1], "MONOTONIC_USEC=") {
			t.Errorf("a reload without its time: %q", m.Said()[i+1])
		}
	}
	m.Await("more time for the stop", func(said []string) bool {
		return slices.ContainsFunc(said, func(s string) bool { return strings.HasPrefix(s, "EXTEND_TIMEOUT_USEC=") })
	})
}

func (r *running) reload() error {
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	_, err := r.ctl.Reload(ctx)
	return err
}

func TestTheManagerIsToldWhyAStartFails(t *testing.T) {
	m := systemdtest.New(t)
	s, err := config.Load(config.Sources{Flags: []config.Assignment{{Flag: "dev", Value: "true"}, {Flag: "log-file", Value: "/proc/nowhere/log"}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := Run(t.Context(), Options{Settings: s, Stderr: &logBuffer{}, Env: []string{"NOTIFY_SOCKET=" + m.Address}}); err == nil {
		t.Fatal("started")
	}
	m.Await("why", func(said []string) bool {
		return slices.ContainsFunc(said, func(s string) bool {
			return strings.HasPrefix(s, "STATUS=cannot start: ") && strings.Contains(s, "log_file")
		})
	})
	if slices.Contains(m.Said(), "READY=1") {
		t.Error("ready all the same")
	}
}

func TestAManagerThatIsNotThereIsNoReasonNotToStart(t *testing.T) {
	r := startUnder(t, []string{"NOTIFY_SOCKET=/nowhere/notify"}, "")
	if !strings.Contains(r.logged(), "cannot be told") {
		t.Error("nobody was warned")
	}
}

// TestTheFirstStatusComesWhenTheListenersAreOpen is for the race detector: the look reads what
// opening them writes.
func TestTheFirstStatusComesWhenTheListenersAreOpen(t *testing.T) {
	var listeners []config.Assignment
	for i := range 6 { // besides the one that every test has
		listeners = append(listeners, config.Assignment{Flag: "listen", Value: fmt.Sprintf("https://127.0.0.%d:0", 2+i)})
	}
	for range 20 {
		t.Run("start", func(t *testing.T) {
			m := systemdtest.New(t)
			startUnder(t, []string{"NOTIFY_SOCKET=" + m.Address}, "loops = 4\n", listeners...)
			m.AwaitLine("STATUS=0 streams in 0 rooms")
		})
	}
}

func TestTheStatusLineFollowsTheStreams(t *testing.T) {
	r, m := startService(t, "")
	m.AwaitLine("STATUS=0 streams in 0 rooms")
	r.subscribe("subscribe=a-b")
	r.subscribe("subscribe=b-c")
	m.AwaitLine("STATUS=2 streams in 3 rooms")
}

// TestAStuckLoopStarvesTheWatchdog proves that the watchdog is fed while all loops turn, and by
// nobody else.
func TestAStuckLoopStarvesTheWatchdog(t *testing.T) {
	const watchdog = 200 * time.Millisecond
	r, m := startService(t, "loops = 3\n", fmt.Sprintf("WATCHDOG_USEC=%d", watchdog.Microseconds()))
	m.Await("that all is well, several times", func(said []string) bool { return count(said, "WATCHDOG=1") >= 5 })

	release, stuck := make(chan struct{}), make(chan struct{})
	defer func() { close(release) }()
	healthy := []*reactor.Loop{r.daemon.loops[0], r.daemon.loops[2]}
	if err := r.daemon.loops[1].Post(func() { close(stuck); <-release }); err != nil {
		t.Fatal(err)
	}
	<-stuck
	// The round that the loop had its part in already may still be completed. Then nothing comes
	// any more, while the others live on for many times the length of the watchdog.
	r.live(healthy, watchdog)
	before := r.fed(m)
	r.live(healthy, 5*watchdog)
	if n := r.fed(m) - before; n != 0 {
		t.Errorf("fed %d times while a loop was stuck", n)
	}
	release <- struct{}{}
	m.Await("that all is well again", func(said []string) bool { return count(said, "WATCHDOG=1") >= before+3 })
}

// live waits until each of the loops has turned for so long.
func (r *running) live(loops []*reactor.Loop, d time.Duration) {
	r.t.Helper()
	for _, l := range loops {
		var timer reactor.Timer
		over := make(timeIsUp)
		if err := l.Post(func() { l.Schedule(&timer, over, l.Now().Add(d)) }); err != nil {
			r.t.Fatal(err)
		}
		select {
		case <-over:
		case <-time.After(patience):
			r.t.Fatal("a loop that nobody holds does not turn")
		}
	}
}

// timeIsUp is closed by a loop's timer.
type timeIsUp chan struct{}

func (c timeIsUp) HandleTimer(*reactor.Timer, time.Time) { close(c) }

// fed is how often the watchdog was fed so far.
func (r *running) fed(m *systemdtest.Manager) int {
	r.t.Helper()
	if err := r.daemon.manager.Barrier(patience); err != nil { // what is under way has arrived then
		r.t.Fatal(err)
	}
	return m.Count("WATCHDOG=1")
}

func TestWithoutAWatchdogNobodyFeeds(t *testing.T) {
	r, m := startService(t, "")
	r.live(r.daemon.loops, 100*time.Millisecond)
	if n := r.fed(m); n != 0 {
		t.Errorf("fed %d times", n)
	}
}

func count(lines []string, line string) int {
	n := 0
	for _, l := range lines {
		if l == line {
			n++
		}
	}
	return n
}
