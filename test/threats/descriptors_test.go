package threats

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/test/harness"
	"github.com/hassesd/hassesd/test/subscriber"
)

// TestT5DescriptorLimit: the daemon may have 64 descriptors, and an attacker wants more of them at
// every listener.
func TestT5DescriptorLimit(t *testing.T) {
	t.Parallel()
	d := harness.Prepare(t, "--log-level", "normal", "--limits-handshake-timeout", "2s")
	descriptorLimit(d, 64) // too few for good streams
	good := d.Subscribe("subscribe=good&id=good")
	wantDescriptors(d, good, nil)
}

// TestT5DescriptorLimitOfMany: 64 descriptors are left beside good streams, what the daemon keeps for itself, and the eighth for
// those who are told to come later.
func TestT5DescriptorLimitOfMany(t *testing.T) {
	t.Parallel()
	const ofTheDaemon = 64 + 2*16
	d := harness.Prepare(t, "--log-level", "normal", "--limits-handshake-timeout", "2s", "--control-connections", "16")
	descriptorLimit(d, (goodConnections(goodStreamCount(t))+ofTheDaemon+64)*8/7)
	good := d.Subscribe("subscribe=good&id=good")
	h := newGoodStreams(d)
	wantDescriptors(d, good, h)
	h.finish()
}

// descriptorLimit runs the daemon with so many descriptors.
func descriptorLimit(d *harness.Daemon, n int) {
	d.T.Helper()
	d.Wrap = []string{"/bin/sh", "-c", fmt.Sprintf(`ulimit -n %d; exec "$0" "$@"`, n), harness.Hassesd}
	d.Run()
}

// wantDescriptors is an attacker that wants descriptors at every listener.
func wantDescriptors(d *harness.Daemon, good *subscriber.Stream, h *goodStreams) {
	t := d.T
	t.Helper()
	control := newAttacker(t, d.TCP)
	control.many(t.Context(), 60, func(int) string { return "127.0.0.1" }, nil)
	a := newAttacker(t, d.HTTPS)
	besiege(d, a, good, h)
	if r := harness.Run(t, "", harness.Hassesctl, "--socket", d.Socket, "limits"); r.Code != 0 {
		t.Errorf("hassesctl is not let in: %s", r)
	}
	if refused := d.Limits().Refused; refused["connections"] == 0 {
		t.Errorf("nobody was refused: %v", refused)
	}
	a.release()
	recovers(d)
}

// TestT5NoDescriptors: not one descriptor is left, though the daemon counts on more.
func TestT5NoDescriptors(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--log-level", "normal", "--limits-handshake-timeout", "2s")
	good := d.Subscribe("subscribe=good&id=good")
	h := newGoodStreams(d)
	d.Send("good", "before")
	harness.WantMessage(t, good, "before")
	old := limitDescriptors(d, 10)
	a := newAttacker(t, d.HTTPS)
	besiege(d, a, good, h)
	if refused := d.Limits().Refused; refused["descriptors"] == 0 {
		t.Errorf("nobody was refused: %v", refused)
	}
	a.release()
	if err := unix.Prlimit(d.Cmd.Process.Pid, unix.RLIMIT_NOFILE, &old, nil); err != nil {
		t.Fatal(err)
	}
	recovers(d)
	h.finish()
}

// limitDescriptors leaves the running process so many descriptors more than it has, and returns the limit before.
func limitDescriptors(d *harness.Daemon, more int) (old unix.Rlimit) {
	d.T.Helper()
	open, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(d.Cmd.Process.Pid), "fd"))
	if err != nil {
		d.T.Fatal(err)
	}
	taken := make(map[string]bool)
	for _, e := range open {
		taken[e.Name()] = true
	}
	limit := unix.Rlimit{}
	for free := 0; free < more; limit.Cur++ {
		if !taken[strconv.FormatUint(limit.Cur, 10)] {
			free++
		}
	}
	if err := unix.Prlimit(d.Cmd.Process.Pid, unix.RLIMIT_NOFILE, nil, &old); err != nil {
		d.T.Fatal(err)
	}
	limit.Max = old.Max
	if err := unix.Prlimit(d.Cmd.Process.Pid, unix.RLIMIT_NOFILE, &limit, nil); err != nil {
		d.T.Fatal(err)
	}
	return old
}

// besiege takes every descriptor there is and goes on asking. Meanwhile control answers, a good stream receives, and the
// daemon rests but for what good streams take, if there are any.
func besiege(d *harness.Daemon, a *attacker, good *subscriber.Stream, h *goodStreams) {
	d.T.Helper()
	if h != nil {
		h.attack()
		defer h.endAttack()
	}
	from := func(i int) string { return fmt.Sprintf("127.5.0.%d", 1+i%250) }
	a.many(d.T.Context(), 200, from, nil)
	const siege = 2 * time.Second
	before, began := d.CPUTime(), time.Now()
	slowest := time.Duration(0)
	for i := 0; time.Since(began) < siege; i++ {
		asked := time.Now()
		d.Send("good", strconv.Itoa(i))
		harness.WantMessage(d.T, good, strconv.Itoa(i))
		slowest = max(slowest, time.Since(asked))
		_, _ = a.dial(d.T.Context(), from(i))
		harness.Poll(50*time.Millisecond, func() bool { return false })
	}
	length, spent := time.Since(began), d.CPUTime()-before
	ofGoodStreams := 0.0 // what the daemon takes to serve it
	if h != nil {
		ofGoodStreams = h.idle.ofDaemon()
	}
	part := spent.Seconds() / length.Seconds()
	d.T.Logf("without descriptors: %s of CPU in %s (%.1f %%, before %.1f %%), the slowest answer took %s", spent, length.Round(time.Millisecond),
		100*part, 100*ofGoodStreams, slowest)
	if part > 0.5+2*ofGoodStreams { // ten times what is aimed at
		d.T.Errorf("%s of CPU in %s: it spins", spent, length)
	}
}

// recovers waits until a new client gets a stream, and not the response that makes it return later.
func recovers(d *harness.Daemon) {
	d.T.Helper()
	harness.Eventually(d.T, "a newcomer gets in when there are descriptors again", func() bool {
		s, err := subscriber.Open(d.T.Context(), d.Request("subscribe=good"))
		if err != nil {
			return false
		}
		defer s.Close()
		id, err := s.Preface()
		return err == nil && id != ""
	})
}
