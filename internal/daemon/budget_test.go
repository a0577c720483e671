package daemon

import (
	"io/fs"
	"math"
	"runtime/debug"
	"testing"
	"testing/fstest"

	"github.com/hassesd/hassesd/internal/hub"
)

// machine is a file system with some files of the kernel.
func machine(files map[string]string) fs.FS {
	m := fstest.MapFS{"proc/meminfo": {Data: []byte("MemFree:  1 kB\nMemTotal:  1000000 kB\nHugePages_Total: 0\n")}}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return m
}

func TestFindBudget(t *testing.T) {
	const all = 1_000_000 << 10
	for _, tc := range []struct {
		name  string
		files map[string]string
		bytes int64 // before our share is taken
		from  string
	}{
		{"no cgroup", nil, all, "machine"},
		{"version 2", map[string]string{
			"proc/self/cgroup": "0::/system.slice/hassesd.service\n",
			"sys/fs/cgroup/system.slice/hassesd.service/memory.max": "67108864\n",
			"sys/fs/cgroup/system.slice/memory.max":                 "max\n",
		}, 64 << 20, "cgroup"},
		{"version 2, bound further up", map[string]string{
			"proc/self/cgroup":         "0::/a/b\n",
			"sys/fs/cgroup/memory.max": "400000000\n", "sys/fs/cgroup/a/memory.max": "300000000\n", "sys/fs/cgroup/a/b/memory.max": "max\n",
		}, 300_000_000, "cgroup"},
		{"version 2, in a container", map[string]string{
			"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "67108864\n",
		}, 64 << 20, "cgroup"},
		{"version 1", map[string]string{
			"proc/self/cgroup": "8:pids:/\n4:cpu,memory:/x\n0::/\n",
			"sys/fs/cgroup/memory/x/memory.limit_in_bytes": "100000000\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":   "9223372036854771712\n",
		}, 100_000_000, "cgroup"},
		{"version 1, no bound", map[string]string{
			"proc/self/cgroup": "4:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
		}, all, "machine"},
		{"more than there is", map[string]string{
			"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "99999999999999\n",
		}, all, "machine"},
		{"outside of what is to be seen", map[string]string{
			"proc/self/cgroup": "0::/../../x\n", "sys/fs/cgroup/memory.max": "67108864\n",
		}, 64 << 20, "cgroup"},
		{"nonsense", map[string]string{
			"proc/self/cgroup": "0\n::\n0::/a\n", "sys/fs/cgroup/a/memory.max": "lots\n",
		}, all, "machine"},
	} {
		t.Setenv("GOMEMLIMIT", "")
		got := findBudget(machine(tc.files))
		if got.from != tc.from || got.bytes != tc.bytes/100*budgetShare {
			t.Errorf("%s: %+v, want %d %% of %d from %s", tc.name, got, budgetShare, tc.bytes, tc.from)
		}
	}
	before := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	t.Setenv("GOMEMLIMIT", "said") // as the runtime has read it
	for _, tc := range []struct {
		limit int64
		files fs.FS
		want  budget
	}{
		{800_000 << 10, machine(nil), budget{bytes: 800_000 << 10, from: "GOMEMLIMIT", isGoLimit: true}},
		{1 << 50, machine(nil), budget{bytes: all / 100 * budgetShare, from: "machine"}},
		{1 << 50, fstest.MapFS{}, budget{bytes: 1 << 50, from: "GOMEMLIMIT", isGoLimit: true}},
		{math.MaxInt64, machine(nil), budget{bytes: all / 100 * budgetShare, from: "machine"}},
	} {
		debug.SetMemoryLimit(tc.limit)
		if got := findBudget(tc.files); got != tc.want {
			t.Errorf("GOMEMLIMIT of %d: %+v, want %+v", tc.limit, got, tc.want)
		}
	}
	debug.SetMemoryLimit(before)
	t.Setenv("GOMEMLIMIT", "")
	if got := findBudget(fstest.MapFS{}); got.bytes != 0 {
		t.Errorf("a machine that shows nothing: %+v", got)
	}
	w := &memoryWatch{found: budget{bytes: 7, from: "cgroup"}}
	if said, found := w.budgetOf(1<<20), w.budgetOf(0); said.bytes != 1<<20 || said.from != "limits.memory" || found != w.found {
		t.Errorf("what the settings say: %+v; when they say nothing: %+v", said, found)
	}
}

func TestHubFitsTheBudget(t *testing.T) {
	for _, tc := range []struct {
		budget           int64
		history, inbox   int64
		isHistorySmaller bool
	}{
		{0, 64 << 20, 0, false}, // nobody knows: as it is
		{64 << 20, 16 << 20, 2 << 20, true},
		{8 << 20, 2 << 20, inboxLeast, true},
		{1 << 40, 64 << 20, inboxMost, false},
	} {
		o := hub.Options{History: hub.HistoryLimits{Bytes: 64 << 20}}
		smaller := budget{bytes: tc.budget}.fit(&o, 2)
		if o.History.Bytes != tc.history || o.InboxBytes != tc.inbox || smaller != tc.isHistorySmaller {
			t.Errorf("%d bytes: history %d, inbox %d, smaller %t", tc.budget, o.History.Bytes, o.InboxBytes, smaller)
		}
	}
}

func TestMemoryMeterSeesWhatLives(t *testing.T) {
	m := newMemoryMeter()
	before := m.measure(0)
	ballast := make([]byte, 64<<20)
	for i := range ballast {
		ballast[i] = 1
	}
	grown := m.measure(1000)
	if grown.most-before.most < 48<<20 || // garbage of other tests goes meanwhile
		grown.most < grown.live || grown.kernel != 1000 {
		t.Errorf("64 MiB more show as %+v after %+v", grown, before)
	}
	if ballast[len(ballast)-1] != 1 {
		t.Error("the ballast was dropped")
	}
}
