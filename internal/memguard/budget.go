package memguard

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
)

// budgetShare is the percentage of the cgroup's or the machine's memory that the budget takes. The
// rest is for what is not measured, such as our code and the kernel's memory for idle connections.
const budgetShare = 85

// Budget is how much memory the daemon may use.
type Budget struct {
	Bytes     int64  // 0: unknown
	From      string // where the number comes from, for the log
	isGoLimit bool   // the collector has the same limit already
}

// FindBudget returns the budget for when the settings name none: GOMEMLIMIT, or else a share of the
// cgroup's limit or of the machine's memory. A GOMEMLIMIT beyond those is ignored. It must be
// called before the limit of the collector is changed.
func FindBudget(files fs.FS) Budget {
	there, from := memoryThere(files)
	if os.Getenv("GOMEMLIMIT") != "" {
		if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 && (there == 0 || limit <= there) {
			return Budget{Bytes: limit, From: "GOMEMLIMIT", isGoLimit: true}
		}
	}
	return Budget{Bytes: there / 100 * budgetShare, From: from}
}

// memoryThere returns the memory of the cgroup or the machine, whichever is less, and which of them
// it is; 0: unknown.
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

// machineMemory reads MemTotal of /proc/meminfo.
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

// cgroupLimit returns the lowest limit among the cgroup of the process and its ancestors, of both
// versions; 0: none. Inside a container the process's own cgroup looks like the root.
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

// unlimited is more than any machine has: version 1 writes a very large number for "no limit".
const unlimited = 1 << 60

// readLimit reads one limit; 0: none.
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

// Parts of the budget, one in so many, that the history, the keys and the messages on their way to
// the loops may take at most.
const (
	historyPart = 4
	keyPart     = 32
	inboxPart   = 16
	inboxLeast  = 1 << 20
	inboxMost   = 64 << 20
)

// HistoryBytes returns how much of the wanted bytes the history may take.
func (b Budget) HistoryBytes(wanted int64) int64 {
	if b.Bytes == 0 {
		return wanted
	}
	return min(wanted, b.Bytes/historyPart)
}

// KeyBytes returns how much of the wanted bytes the idempotency keys of messages may take.
func (b Budget) KeyBytes(wanted int64) int64 {
	if b.Bytes == 0 {
		return wanted
	}
	return min(wanted, b.Bytes/keyPart)
}

// InboxBytes returns how many bytes of messages may wait for each of so many loops; 0: the default
// of the hub.
func (b Budget) InboxBytes(loops int) int64 {
	if b.Bytes == 0 {
		return 0
	}
	return min(max(b.Bytes/inboxPart/int64(loops), inboxLeast), inboxMost)
}
