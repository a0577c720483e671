package threats

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/harness"
)

// nonReaders returns how many clients TestT6ReadersThatNeverRead opens: HASSESD_TEST_NON_READERS,
// or else 400.
func nonReaders(t *testing.T) int {
	t.Helper()
	text := os.Getenv("HASSESD_TEST_NON_READERS")
	if text == "" {
		return 400
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("HASSESD_TEST_NON_READERS is %q, want a number of clients", text)
	}
	return n
}

// TestT6ReadersThatNeverRead: the daemon notices and resets hundreds of clients that read nothing,
// and they cost no more memory than the limits allow.
func TestT6ReadersThatNeverRead(t *testing.T) {
	t.Parallel()
	const size = 16 << 10
	readers := nonReaders(t)
	d := harness.Start(t, "--limits-queue-bytes", "64KiB", "--limits-kernel-bytes", "64KiB", "--history-bytes", "1MiB", "--limits-connections-per-address", "0")
	good := attackedGoodStreams(d)
	for i := range readers {
		r := d.Plain("subscribe=nonreaders")
		if i%8 == 0 {
			r = d.Request("subscribe=nonreaders")
		}
		if _, err := openNonReader(d, r); err != nil {
			t.Fatal(err)
		}
	}
	before := d.ResidentBytes()
	// As much as fills the kernel and half of the queue: they are slow now, and shown as what they are.
	publishLarge(d, 6, size, "nonreaders")
	var page struct {
		Clients []struct {
			QueueBytes  int `json:"queue_bytes"`
			KernelBytes int `json:"kernel_bytes"`
		}
	}
	harness.Eventually(t, "what waits is shown", func() bool {
		d.Call("clients", harness.Object{"room": "nonreaders", "limit": 50, "sort": "queue"}, &page)
		for _, c := range page.Clients {
			if c.KernelBytes == 0 || c.QueueBytes == 0 {
				return false
			}
		}
		return len(page.Clients) == 50
	})
	for _, c := range page.Clients {
		// A message more than the queue's bound can be under way, and the kernel rounds up to packets.
		if c.QueueBytes > 64<<10+2*size || c.KernelBytes > 128<<10 {
			t.Errorf("a slow client holds %d bytes with us and %d in the kernel", c.QueueBytes, c.KernelBytes)
		}
	}
	publishLarge(d, 12, size, "nonreaders")
	harness.Eventually(t, "all of them are let go", func() bool { return d.Status().Closed["slow_client"] == uint64(readers) })
	d.AwaitStreams("nonreaders", 0)
	if grown := d.ResidentBytes() - before; grown > int64(readers)*128<<10+32<<20 {
		t.Errorf("%d clients that never read have made the daemon grow by %d MiB", readers, grown>>20)
	} else {
		t.Logf("%d clients that never read: the daemon has grown by %.1f MiB", readers, float64(grown)/(1<<20))
	}
	good.survived()
}

// publishLarge publishes messages of size bytes: all at once or, when figures are measured, ten a
// second, because what a burst costs the other clients is not part of the attack.
func publishLarge(d *harness.Daemon, n, size int, room string) {
	d.T.Helper()
	at := time.NewTicker(100 * time.Millisecond)
	defer at.Stop()
	for range n {
		if _, err := flood(d.T.Context(), d, 1, size, room); err != nil {
			d.T.Fatal(err)
		}
		if harness.Measured() {
			<-at.C
		}
	}
}

// bomb writes classic messages of size bytes as fast as the daemon takes them, and reads no
// response.
func bomb(ctx context.Context, d *harness.Daemon, n, size int, room string, written *counter) error {
	c, err := net.DialTimeout("unix", d.Socket, harness.Patience)
	if err != nil {
		return err
	}
	defer c.Close()
	line := []byte(room + "=" + strings.Repeat("x", size) + "\n")
	for range n {
		if ctx.Err() != nil {
			return nil
		}
		if err := c.SetWriteDeadline(time.Now().Add(harness.Patience)); err != nil {
			return err
		}
		if _, err := c.Write(line); err != nil {
			return err
		}
		written.add(1)
	}
	return nil
}

type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) add(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n += n
}

func (c *counter) get() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// TestT17MessageBombs: publishers that send more than can be delivered have to wait. Nothing piles
// up, and nothing is lost.
func TestT17MessageBombs(t *testing.T) {
	t.Parallel()
	const publishers, each, size = 4, 500, 64 << 10
	d := harness.Start(t, "--history-bytes", "4MiB")
	good := attackedGoodStreams(d)
	for i := range 8 { // these take them, or try to
		s := d.Open(d.Plain("subscribe=bombs&id=" + strconv.Itoa(i)))
		go func() {
			for {
				if _, err := s.Next(); err != nil {
					return
				}
			}
		}()
	}
	quiet := d.Status().MessagesTotal
	before := d.ResidentBytes()
	var written counter
	over := make(chan error, publishers)
	for range publishers {
		go func() { over <- bomb(t.Context(), d, each, size, "bombs", &written) }()
	}
	peak, ahead := int64(0), 0
	for left := publishers; left > 0; {
		select {
		case err := <-over:
			if err != nil {
				t.Error(err)
			}
			left--
		case <-time.After(20 * time.Millisecond):
			sent := written.get()
			taken := int(d.Status().MessagesTotal - quiet) // including some of the good streams' own
			ahead = max(ahead, sent-taken)
			peak = max(peak, d.ResidentBytes())
		}
	}
	harness.Eventually(t, "every bomb is counted", func() bool { return d.Status().MessagesTotal-quiet >= publishers*each })
	if grown := peak - before; grown > 256<<20 {
		t.Errorf("%d messages of 64 KiB have made the daemon grow by %d MiB", publishers*each, grown>>20)
	} else {
		t.Logf("%d messages of 64 KiB: at most %.1f MiB more, and %d messages ahead of the daemon", publishers*each, float64(grown)/(1<<20), ahead)
	}
	// What is not taken waits in the publisher's socket, a few hundred KiB, and not with us.
	if most := publishers * 16; ahead > most {
		t.Errorf("publishers are %d messages ahead, want at most %d", ahead, most)
	}
	// One that is too long is refused as a whole.
	if got := d.Classic("unix").Ask("bombs=" + strings.Repeat("x", size+1)); !strings.HasPrefix(got, "error ") {
		t.Errorf("a message over the limit: %.80q", got)
	}
	good.survived()
}

// TestT17PublishRate: a publisher that exceeds its rate has to wait, and loses nothing.
func TestT17PublishRate(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--limits-publish-rate", "100")
	s := d.Subscribe("subscribe=paced")
	began := time.Now()
	c := d.Classic("unix")
	for i := range 250 {
		c.Say("paced=" + strconv.Itoa(i) + "\n")
	}
	for i := range 250 {
		harness.WantMessage(t, s, strconv.Itoa(i))
	}
	if took := time.Since(began); took < time.Second {
		t.Errorf("250 messages at 100 a second, 100 of them at once, took %s", took)
	}
	d.Send("paced", "another connection has its own pace")
	var limits struct {
		Publish struct {
			HeldTotal uint64 `json:"held_total"`
		}
	}
	if d.Call("limits", nil, &limits); limits.Publish.HeldTotal < 100 {
		t.Errorf("%d messages were held back, want about 150", limits.Publish.HeldTotal)
	}
}

// hoard makes slow readers use up memory, each with events of its own, until the daemon has ended
// some of them, and for a while after that. It returns how many bytes were published.
func hoard(d *harness.Daemon, readers int) (published int64) {
	d.T.Helper()
	const size = 60 << 10
	rooms := make([]string, readers)
	for i := range rooms {
		rooms[i] = "hoard" + strconv.Itoa(i)
		if _, err := openNonReader(d, d.Plain("subscribe="+rooms[i])); err != nil {
			d.T.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(d.T.Context(), 3*harness.Patience)
	defer cancel()
	for after := 0; after < 2; {
		n, err := flood(ctx, d, 4*readers, size, rooms...)
		if published += int64(n) * size; err != nil || ctx.Err() != nil {
			d.T.Fatalf("after %d MiB, with %+v: %v", published>>20, d.MemoryStatus(), errors.Join(err, ctx.Err()))
		}
		if d.MemoryStatus().StreamsEnded > 0 {
			after++
		}
	}
	return published
}

// underPressure is the common part of the tests of T18: a flood that would need many times the
// available memory.
func underPressure(t *testing.T, d *harness.Daemon, from string, most int64) {
	t.Helper()
	good := attackedGoodStreams(d)
	if m := d.MemoryStatus(); m.BudgetFrom != from || m.BudgetBytes <= 0 || m.BudgetBytes > most {
		t.Fatalf("the budget is %+v, want one from %s of at most %d", m, from, most)
	}
	published := hoard(d, 40)
	m := d.MemoryStatus()
	t.Logf("published %d MiB to slow readers, budget %d MiB, used %d MiB (%s), resident %d MiB; %d streams ended",
		published>>20, m.BudgetBytes>>20, m.UsedBytes>>20, m.Pressure, d.ResidentBytes()>>20, m.StreamsEnded)
	if n := d.Status().Closed["memory_shed"]; n == 0 || n > 40 {
		t.Errorf("%d streams were ended, want some of the 40 slow ones", n)
	}
	good.survived()
	for _, step := range []string{"memory runs short", "memory freed"} {
		if !d.Log.WaitFor(step) {
			t.Errorf("the log does not say %q", step)
		}
	}
	// When the slow ones are gone, there is room again.
	d.Call("kick", harness.Object{"all": true}, nil)
	harness.Eventually(t, "memory is not short any more", func() bool { return d.MemoryStatus().Pressure == "none" })
	d.Subscribe("subscribe=after")
}

// hoarding are flags that let slow readers use far more memory than there is.
var hoarding = []string{"--limits-queue-bytes", "16MiB", "--limits-kernel-bytes", "16KiB", "--limits-connections-per-address", "0", "--log-level", "normal"}

// TestT18MemoryLimitOfTheRuntime: the daemon stays below GOMEMLIMIT by shedding.
func TestT18MemoryLimitOfTheRuntime(t *testing.T) {
	t.Parallel()
	d := harness.Prepare(t, hoarding...)
	d.Wrap = []string{"env", "GOMEMLIMIT=48MiB", harness.Hassesd}
	d.Run()
	underPressure(t, d, "GOMEMLIMIT", 48<<20)
}

// TestT18MemoryLimitOfTheCgroup: the kernel does not kill the daemon in a cgroup of 64 MiB.
func TestT18MemoryLimitOfTheCgroup(t *testing.T) {
	t.Parallel()
	const limit = 64 << 20
	procs := memoryCgroup(t, limit)
	d := harness.Prepare(t, hoarding...)
	d.Wrap = []string{"sh", "-c", "echo $$ > " + procs + ` && exec "$0" "$@"`, harness.Hassesd}
	d.Run()
	underPressure(t, d, "cgroup", limit)
}

// memoryCgroup creates a cgroup with a memory limit and returns its cgroup.procs file. It skips the
// test unless root can write to the file system of cgroups.
func memoryCgroup(t *testing.T, limit int64) (procs string) {
	t.Helper()
	if info, err := buildinfo.ReadFile(harness.Hassesd); err == nil {
		for _, s := range info.Settings {
			if s.Key == "-race" && s.Value == "true" {
				t.Skip("the race detector needs more memory than there is in the cgroup")
			}
		}
	}
	name := fmt.Sprintf("hassesd-test-%d", os.Getpid())
	for _, v := range []struct{ root, file, swap string }{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"},
		{"/sys/fs/cgroup", "memory.max", "memory.swap.max"},
	} {
		dir := filepath.Join(v.root, name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			continue
		}
		t.Cleanup(func() { harness.Eventually(t, "the cgroup is empty", func() bool { return os.Remove(dir) == nil }) })
		if err := os.WriteFile(filepath.Join(dir, v.file), []byte(strconv.FormatInt(limit, 10)), 0o600); err != nil {
			continue
		}
		_ = os.WriteFile(filepath.Join(dir, v.swap), []byte("0"), 0o600) // there may be no swap to forbid
		return filepath.Join(dir, "cgroup.procs")
	}
	t.Skip("no cgroup with a bound on memory can be made here: not root, or a read-only file system")
	return ""
}
