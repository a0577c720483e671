package bench

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of /proc/PID/stat on every Linux that Go runs on.
const clockTick = 10 * time.Millisecond

// usage is what processes hold, and have used.
type usage struct {
	cpu     time.Duration
	rss     int64 // bytes
	pss     int64 // bytes: shared pages by their share; 0: not readable
	threads int
	files   int // descriptors; 0: not readable
}

// measure adds up the processes and all their descendants. A process that is gone is left out; if
// all are, that is an error. Deep includes pss and files, which take locks of the process and so
// disturb it.
func measure(proc string, pids []int, deep bool) (usage, error) {
	children, err := family(proc)
	if err != nil {
		return usage{}, err
	}
	var sum usage
	seen := map[int]bool{}
	var failed error
	for queue := pids; len(queue) > 0; queue = queue[1:] {
		pid := queue[0]
		if seen[pid] {
			continue
		}
		seen[pid] = true
		u, err := measureOne(filepath.Join(proc, strconv.Itoa(pid)), deep)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("process %d: %w", pid, err))
			delete(seen, pid)
			continue
		}
		sum.cpu += u.cpu
		sum.rss += u.rss
		sum.pss += u.pss
		sum.threads += u.threads
		sum.files += u.files
		queue = append(queue, children[pid]...)
	}
	if len(seen) == 0 {
		return usage{}, failed
	}
	return sum, nil
}

// family returns the children of each process.
func family(proc string) (map[int][]int, error) {
	entries, err := os.ReadDir(proc)
	if err != nil {
		return nil, err
	}
	children := map[int][]int{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		fields, err := statFields(filepath.Join(proc, e.Name()))
		if err != nil {
			continue // it is gone
		}
		if parent, err := strconv.Atoi(fields[1]); err == nil {
			children[parent] = append(children[parent], pid)
		}
	}
	return children, nil
}

// statFields returns the fields of /proc/PID/stat after the name of the program, which may hold
// anything.
func statFields(dir string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 22 {
		return nil, fmt.Errorf("%s/stat has %d fields", dir, len(fields))
	}
	return fields, nil
}

func measureOne(dir string, deep bool) (usage, error) {
	fields, err := statFields(dir)
	if err != nil {
		return usage{}, err
	}
	var u usage
	var numbers [4]int64
	for i, f := range []int{11, 12, 17, 21} { // utime, stime, num_threads, rss
		if numbers[i], err = strconv.ParseInt(fields[f], 10, 64); err != nil {
			return usage{}, fmt.Errorf("%s/stat: %w", dir, err)
		}
	}
	u.cpu = time.Duration(numbers[0]+numbers[1]) * clockTick
	u.threads = int(numbers[2])
	u.rss = numbers[3] * int64(os.Getpagesize())
	if !deep {
		return u, nil
	}
	u.pss = pss(dir)
	if entries, err := os.ReadDir(filepath.Join(dir, "fd")); err == nil {
		u.files = len(entries)
	}
	return u, nil
}

// pss returns the proportional set size, or 0 if it is not readable.
func pss(dir string) int64 {
	text, err := os.ReadFile(filepath.Join(dir, "smaps_rollup"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "Pss:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
			if err != nil {
				return 0
			}
			return kb << 10
		}
	}
	return 0
}
