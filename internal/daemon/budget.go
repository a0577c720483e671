package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/hassesd/hassesd/internal/hub"
)

// budgetShare is how much of the memory that somebody else bounds is ours to use, in percent: the rest is for what
// nobody counts, such as our code and the kernel's memory for idle connections.
const budgetShare = 85

// budget is how much memory the daemon may use, and who says so.
type budget struct {
	bytes int64  // 0: nobody knows
	from  string // for the log
	// isGoLimit says that the collector goes by the same number already.
	isGoLimit bool
}

// findBudget looks for the bound where the settings have none: GOMEMLIMIT, the cgroup, the machine. A GOMEMLIMIT over what
// there is bounds nothing. It must be called before the collector is given another limit.
func findBudget(files fs.FS) budget {
	there, from := memoryThere(files)
	if os.Getenv("GOMEMLIMIT") != "" {
		if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 && (there == 0 || limit <= there) {
			return budget{bytes: limit, from: "GOMEMLIMIT", isGoLimit: true}
		}
	}
	return budget{bytes: there / 100 * budgetShare, from: from}
}

// memoryThere is what the cgroup or else the machine has, and which of them; 0: nobody knows.
func memoryThere(files fs.FS) (bytes int64, from string) {
	machine, err := machineMemory(files)
	if err != nil {
		machine = 0
	}
	if limit := cgroupLimit(files); limit > 0 && (machine == 0 || limit < machine) {
		return limit, "cgroup"
	}
	return machine, "machine"
}

// machineMemory reads MemTotal.
func machineMemory(files fs.FS) (int64, error) {
	text, err := fs.ReadFile(files, "proc/meminfo")
	if err != nil {
		return 0, fmt.Errorf("read the machine's memory: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) == 3 && fields[0] == "MemTotal:" && fields[2] == "kB" {
			kb, err := strconv.ParseInt(fields[1], 10, 64)
			return kb << 10, err
		}
	}
	return 0, errors.New("read the machine's memory: there is no MemTotal in /proc/meminfo")
}

// cgroupLimit is the least of the bounds of the cgroup that the process is in and of those around it, of both versions;
// 0: there is none. Inside a container the own cgroup looks like the root.
func cgroupLimit(files fs.FS) int64 {
	text, err := fs.ReadFile(files, "proc/self/cgroup")
	if err != nil {
		return 0
	}
	least := int64(0)
	for line := range strings.Lines(string(text)) {
		id, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, group, _ := strings.Cut(rest, ":")
		root, file := "", ""
		switch {
		case id == "0" && controllers == "":
			root, file = "sys/fs/cgroup", "memory.max"
		case hasController(controllers, "memory"):
			root, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		default:
			continue
		}
		for dir := path.Join("/", group); ; dir = path.Dir(dir) {
			if limit := readLimit(files, path.Join(root, dir, file)); limit > 0 && (least == 0 || limit < least) {
				least = limit
			}
			if dir == "/" {
				break
			}
		}
	}
	return least
}

func hasController(list, name string) bool {
	for c := range strings.SplitSeq(list, ",") {
		if c == name {
			return true
		}
	}
	return false
}

// unlimited is more than any machine has: version 1 writes a very large number for "no bound".
const unlimited = 1 << 60

// readLimit reads one bound; 0: none.
func readLimit(files fs.FS, name string) int64 {
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64) // "max" is no number
	if err != nil || n >= unlimited {
		return 0
	}
	return n
}

// Parts of the budget, one in so many, that the history and what waits for the loops may take at most.
const (
	historyPart = 4
	inboxPart   = 16
	inboxLeast  = 1 << 20
	inboxMost   = 64 << 20
)

// fit keeps what the hub may hold within the budget, and says whether the history had to be made smaller.
func (b budget) fit(o *hub.Options, loops int) (smaller bool) {
	if b.bytes == 0 {
		return false
	}
	o.InboxBytes = min(max(b.bytes/inboxPart/int64(loops), inboxLeast), inboxMost)
	if most := b.bytes / historyPart; o.History.Bytes > most {
		o.History.Bytes = most
		return true
	}
	return false
}
