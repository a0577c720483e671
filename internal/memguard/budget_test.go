package memguard

import (
	"io/fs"
	"math"
	"runtime/debug"
	"testing"
	"testing/fstest"
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
		got := FindBudget(machine(tc.files))
		if got.From != tc.from || got.Bytes != tc.bytes/100*budgetShare {
			t.Errorf("%s: %+v, want %d %% of %d from %s", tc.name, got, budgetShare, tc.bytes, tc.from)
		}
	}
	before := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	t.Setenv("GOMEMLIMIT", "said") // as the runtime has read it
	for _, tc := range []struct {
		limit int64
		files fs.FS
		want  Budget
	}{
		{800_000 << 10, machine(nil), Budget{Bytes: 800_000 << 10, From: "GOMEMLIMIT", isGoLimit: true}},
		{1 << 50, machine(nil), Budget{Bytes: all / 100 * budgetShare, From: "machine"}},
		{1 << 50, fstest.MapFS{}, Budget{Bytes: 1 << 50, From: "GOMEMLIMIT", isGoLimit: true}},
		{math.MaxInt64, machine(nil), Budget{Bytes: all / 100 * budgetShare, From: "machine"}},
	} {
		debug.SetMemoryLimit(tc.limit)
		if got := FindBudget(tc.files); got != tc.want {
			t.Errorf("GOMEMLIMIT of %d: %+v, want %+v", tc.limit, got, tc.want)
		}
	}
	debug.SetMemoryLimit(before)
	t.Setenv("GOMEMLIMIT", "")
	if got := FindBudget(fstest.MapFS{}); got.Bytes != 0 {
		t.Errorf("a machine that shows nothing: %+v", got)
	}
	g := &Guard{found: Budget{Bytes: 7, From: "cgroup"}}
	if set, found := g.BudgetOf(1<<20), g.BudgetOf(0); set.Bytes != 1<<20 || set.From != "limits.memory" || found != g.found {
		t.Errorf("with limits.memory: %+v; without: %+v", set, found)
	}
}

func TestPartsOfTheBudget(t *testing.T) {
	for _, tc := range []struct{ budget, history, inbox int64 }{
		{0, 64 << 20, 0}, // unknown: as it is
		{64 << 20, 16 << 20, 2 << 20},
		{8 << 20, 2 << 20, inboxLeast},
		{1 << 40, 64 << 20, inboxMost},
	} {
		b := Budget{Bytes: tc.budget}
		if history, inbox := b.HistoryBytes(64<<20), b.InboxBytes(2); history != tc.history || inbox != tc.inbox {
			t.Errorf("%d bytes: history %d, inbox %d, want %d, %d", tc.budget, history, inbox, tc.history, tc.inbox)
		}
	}
}
