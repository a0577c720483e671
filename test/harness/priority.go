package harness

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Measured reports whether this run measures the figures of docs/security.md. HASSESD_TEST_GOOD_STREAMS then holds the number
// of good streams.
func Measured() bool { return os.Getenv("HASSESD_TEST_GOOD_STREAMS") != "" }

// OrdinaryPriority returns a command line that runs at the usual priority although we, with the attackers, run at a lower
// one. Real attackers have computers of their own; here they would take the daemon's processor time. Only root may raise it.
func OrdinaryPriority(line []string) []string {
	raised, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if nice := 20 - raised; Measured() && err == nil && nice > 0 && os.Geteuid() == 0 {
		return append([]string{"nice", "-n", strconv.Itoa(-nice)}, line...)
	}
	return line
}
