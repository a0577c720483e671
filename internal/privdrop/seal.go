package privdrop

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/threads"
)

// Seal gives up, for every thread and for good, what a process can have besides its user and groups: all capabilities,
// among them those that a service manager lends for binding ports; the bounding set, where that is allowed; getting rights
// from programs that are executed (no_new_privs); being looked into by processes of the same user; and core dumps, which
// would hold private keys. It works for every process, root or not, and proves what it did. After an error the process may
// be anything between the two.
func Seal(view *threads.View) error { return seal(realSystem(view)) }

func seal(sys system) error {
	all, err := sys.threads()
	if err != nil {
		return fmt.Errorf("look at the threads: %w", err)
	}
	if err := clearBounding(sys, all); err != nil {
		return err
	}
	if err := sys.dropCapabilities(); err != nil {
		return fmt.Errorf("give up capabilities: %w", err)
	}
	if err := sys.prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0); err != nil {
		return fmt.Errorf("set no_new_privs: %w", err)
	}
	if err := sys.prctl(unix.PR_SET_DUMPABLE, 0, 0); err != nil {
		return fmt.Errorf("forbid looking into the process: %w", err)
	}
	if err := sys.coreLimit(0); err != nil {
		return fmt.Errorf("forbid core dumps: %w", err)
	}
	return verifyThreads(sys, checkSealed)
}
