package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// fakeProc writes files as the kernel does, for processes of that parent and with that many ticks.
func fakeProc(t *testing.T, processes map[int][2]int) string {
	t.Helper()
	dir := t.TempDir()
	for pid, p := range processes {
		d := filepath.Join(dir, fmt.Sprint(pid))
		if err := os.MkdirAll(filepath.Join(d, "fd"), 0o755); err != nil {
			t.Fatal(err)
		}
		stat := fmt.Sprintf("%d (a ) (name) S %d 1 1 0 -1 0 0 0 0 0 %d 1 9 9 20 0 3 0 1 1000 7 0 0 0\n", pid, p[0], p[1])
		rollup := "55d0-7ff rollup\nRss: 40 kB\nPss:             12 kB\nPss_Dirty: 1 kB\n"
		for name, text := range map[string]string{"stat": stat, "smaps_rollup": rollup, "fd/0": "", "fd/1": ""} {
			if err := os.WriteFile(filepath.Join(d, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "uptime"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestMeasureAddsUpAFamily(t *testing.T) {
	t.Parallel()
	proc := fakeProc(t, map[int][2]int{10: {1, 4}, 11: {10, 5}, 12: {11, 6}, 20: {1, 100}})
	page := int64(os.Getpagesize())
	for _, tt := range []struct {
		pids []int
		deep bool
		want usage
	}{
		{[]int{12}, true, usage{cpu: 70 * time.Millisecond, rss: 7 * page, pss: 12 << 10, threads: 3, files: 2}},
		{[]int{12}, false, usage{cpu: 70 * time.Millisecond, rss: 7 * page, threads: 3}},
		{[]int{10}, false, usage{cpu: 180 * time.Millisecond, rss: 21 * page, threads: 9}},
		{[]int{11, 10, 11}, false, usage{cpu: 180 * time.Millisecond, rss: 21 * page, threads: 9}},
		{[]int{12, 99}, false, usage{cpu: 70 * time.Millisecond, rss: 7 * page, threads: 3}},
	} {
		if got, err := measure(proc, tt.pids, tt.deep); err != nil || got != tt.want {
			t.Errorf("%v: %+v, %v; want %+v", tt.pids, got, err, tt.want)
		}
	}
	if _, err := measure(proc, []int{99}, false); err == nil {
		t.Error("a process that is not there was measured")
	}
}

func TestMeasureOurselves(t *testing.T) {
	t.Parallel()
	got, err := measure(procDir, []int{os.Getpid()}, true)
	if err != nil || got.rss < 1<<20 || got.threads < 2 || got.files < 3 {
		t.Errorf("%+v, %v", got, err)
	}
}
