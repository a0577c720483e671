package privdrop

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/threads"
)

// Seal permanently drops the rights of every thread other than its user and groups: all
// capabilities, including those that a service manager grants for binding ports; the bounding set,
// if allowed; new rights from executed programs (no_new_privs); inspection by processes of the same
// user; and core dumps, which would contain private keys. It works for every process, root or not,
// and verifies the result. After an error, the process may be in a mixed state.
func Seal(view *threads.View) error { return seal(realSystem(view)) }

func seal(sys system) error {
	all, err := sys.threads()
	if err != nil {
		return fmt.Errorf("look at the threads: %w", err)
	}
	// Drop each, even if dropping another fails.
	var errs []error
	try := func(what string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", what, err))
		}
	}
	if err := clearBounding(sys, all); err != nil {
		errs = append(errs, err)
	}
	if slices.ContainsFunc(all, holdsCapabilities) { // otherwise skip the call, which a service manager may forbid
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
