package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/test/subscriber"
)

// TestT5DescriptorLimit: a daemon that may have 64 descriptors, and an attacker that wants more of them at every door.
func TestT5DescriptorLimit(t *testing.T) {
	t.Parallel()
	d := prepare(t, "--log-level", "normal", "--limits-handshake-timeout", "2s")
	d.descriptorLimit(64) // there is no room for a herd
	good := d.subscribe("subscribe=good&id=good")
	d.wantDescriptors(good, nil)
}

// TestT5DescriptorLimitOfMany: 64 descriptors are left beside a herd, what the daemon keeps for itself, and the eighth for
// those who are told to come later.
func TestT5DescriptorLimitOfMany(t *testing.T) {
	t.Parallel()
	const ofTheDaemon = 64 + 2*16
	d := prepare(t, "--log-level", "normal", "--limits-handshake-timeout", "2s", "--control-connections", "16")
	d.descriptorLimit((herdStreams(t) + ofTheDaemon + 64) * 8 / 7)
	good := d.subscribe("subscribe=good&id=good")
	h := newHerd(d)
	d.wantDescriptors(good, h)
	h.finish()
}

// descriptorLimit runs the daemon with so many descriptors.
func (d *daemon) descriptorLimit(n int) {
	d.t.Helper()
	d.wrap = []string{"/bin/sh", "-c", fmt.Sprintf(`ulimit -n %d; exec "$0" "$@"`, n), hassesd}
	d.run()
}

// wantDescriptors is an attacker that wants them at every door.
func (d *daemon) wantDescriptors(good *subscriber.Stream, h *herd) {
	t := d.t
	t.Helper()
	control := newAttacker(t, d.tcp)
	control.many(t.Context(), 60, func(int) string { return "127.0.0.1" }, nil)
	a := newAttacker(t, d.https)
	d.besiege(a, good, h)
	if r := command(t, "", hassesctl, "--socket", d.socket, "limits"); r.code != 0 {
		t.Errorf("hassesctl is not let in: %s", r)
	}
	if refused := d.limits().Refused; refused["connections"] == 0 {
		t.Errorf("nobody was refused: %v", refused)
	}
	a.release()
	d.recovers()
}

// TestT5NoDescriptors: not one descriptor is left, though the daemon counts on more.
func TestT5NoDescriptors(t *testing.T) {
	t.Parallel()
	d := start(t, "--log-level", "normal", "--limits-handshake-timeout", "2s")
	good := d.subscribe("subscribe=good&id=good")
	h := newHerd(d)
	d.send("good", "before")
	message(t, good, "before")
	old := d.limitDescriptors(10)
	a := newAttacker(t, d.https)
	d.besiege(a, good, h)
	if refused := d.limits().Refused; refused["descriptors"] == 0 {
		t.Errorf("nobody was refused: %v", refused)
	}
	a.release()
	if err := unix.Prlimit(d.cmd.Process.Pid, unix.RLIMIT_NOFILE, &old, nil); err != nil {
		t.Fatal(err)
	}
	d.recovers()
	h.finish()
}

// limitDescriptors leaves the running process so many descriptors more than it has, and returns the limit before.
func (d *daemon) limitDescriptors(more int) (old unix.Rlimit) {
	d.t.Helper()
	open, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(d.cmd.Process.Pid), "fd"))
	if err != nil {
		d.t.Fatal(err)
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
	if err := unix.Prlimit(d.cmd.Process.Pid, unix.RLIMIT_NOFILE, nil, &old); err != nil {
		d.t.Fatal(err)
	}
	limit.Max = old.Max
	if err := unix.Prlimit(d.cmd.Process.Pid, unix.RLIMIT_NOFILE, &limit, nil); err != nil {
		d.t.Fatal(err)
	}
	return old
}

// besiege takes every descriptor there is and goes on asking. Meanwhile control answers, a good stream receives, and the
// daemon rests but for what the herd takes, if there is one.
func (d *daemon) besiege(a *attacker, good *subscriber.Stream, h *herd) {
	d.t.Helper()
	if h != nil {
		h.attack()
		defer h.endAttack()
	}
	from := func(i int) string { return fmt.Sprintf("127.5.0.%d", 1+i%250) }
	a.many(d.t.Context(), 200, from, nil)
	const siege = 2 * time.Second
	before, began := d.cpu(), time.Now()
	slowest := time.Duration(0)
	for i := 0; time.Since(began) < siege; i++ {
		asked := time.Now()
		d.send("good", strconv.Itoa(i))
		message(d.t, good, strconv.Itoa(i))
		slowest = max(slowest, time.Since(asked))
		_, _ = a.dial(d.t.Context(), from(i))
		poll(50*time.Millisecond, func() bool { return false })
	}
	length, spent := time.Since(began), d.cpu()-before
	ofHerd := 0.0 // what the daemon takes to serve it
	if h != nil {
		ofHerd = h.idle.ofDaemon()
	}
	part := spent.Seconds() / length.Seconds()
	d.t.Logf("without descriptors: %s of CPU in %s (%.1f %%, before %.1f %%), the slowest answer took %s", spent, length.Round(time.Millisecond),
		100*part, 100*ofHerd, slowest)
	if part > 0.5+2*ofHerd { // ten times what is aimed at
		d.t.Errorf("%s of CPU in %s: it spins", spent, length)
	}
}

// recovers waits until a newcomer gets a stream, and not an answer to come later.
func (d *daemon) recovers() {
	d.t.Helper()
	eventually(d.t, "a newcomer gets in when there are descriptors again", func() bool {
		s, err := subscriber.Open(d.t.Context(), d.request("subscribe=good"))
		if err != nil {
			return false
		}
		defer s.Close()
		id, err := s.Preface()
		return err == nil && id != ""
	})
}
