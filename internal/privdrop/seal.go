package privdrop

import (
	"errors"
	"fmt"
	"slices"

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
	// Each is given up, also where another cannot be.
	var errs []error
	try := func(what string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", what, err))
		}
	}
	if err := clearBounding(sys, all); err != nil {
		errs = append(errs, err)
	}
	if slices.ContainsFunc(all, holdsCapabilities) { // or the call may be one that a service manager forbids
		try("give up capabilities", sys.dropCapabilities())
	}
	try("set no_new_privs", sys.prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0))
	try("forbid looking into the process", sys.prctl(unix.PR_SET_DUMPABLE, 0, 0))
	try("forbid core dumps", sys.coreLimit(0))
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return verifyThreads(sys, checkSealed)
}

func holdsCapabilities(s threads.Status) bool {
	return s.Effective|s.Permitted|s.Inheritable|s.Ambient != 0
}
