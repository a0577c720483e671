package harness

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Measured says whether this run is for the figures of docs/security.md: HASSESD_TEST_GOOD_STREAMS names how many good streams
// there are then.
func Measured() bool { return os.Getenv("HASSESD_TEST_GOOD_STREAMS") != "" }

// OrdinaryPriority makes a command line run as important as usual though we, with the attackers, run as less: an attacker
// has computers of its own, and here it would take the time that it wants the daemon to lose. Only root may do so.
func OrdinaryPriority(line []string) []string {
	raised, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if nice := 20 - raised; Measured() && err == nil && nice > 0 && os.Geteuid() == 0 {
		return append([]string{"nice", "-n", strconv.Itoa(-nice)}, line...)
	}
	return line
}
