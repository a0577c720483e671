package privdrop

import (
	"errors"
	"fmt"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/threads"
)

// Drop switches every thread of the process to id, without supplementary groups and with an empty
// capability bounding set, and verifies the result. A process that is not root can only keep its
// identity; its supplementary groups and its bounding set stay. After an error, the process may be
// in a mixed state and must exit.
func Drop(view *threads.View, id Identity) error {
	return drop(realSystem(view), id)
}

// Chroot changes the root directory of the process to dir. It requires root.
func Chroot(dir string) error {
	if err := syscall.Chroot(dir); err != nil {
		return fmt.Errorf("chroot to %s: %w", dir, err)
	}
	if err := syscall.Chdir("/"); err != nil { // otherwise the old root would remain reachable
		return fmt.Errorf("enter the chroot %s: %w", dir, err)
	}
	return nil
}

func drop(sys system, id Identity) error {
	if id.UID <= 0 || id.GID < 0 {
		return errors.New("an identity that was not resolved cannot be taken")
	}
	if sys.geteuid() != 0 {
		return stay(sys, id)
	}
	all, err := sys.threads()
	if err != nil {
		return fmt.Errorf("look at the threads: %w", err)
	}
	// The bounding set comes first, because later the process has no right to change it.
	if err := clearBounding(sys, all); err != nil {
		return err
	}
	// The groups come next, for the same reason.
	if err := sys.setgroups([]int{}); err != nil {
		return fmt.Errorf("give up supplementary groups: %w", err)
	}
	if err := sys.setresgid(id.GID, id.GID, id.GID); err != nil {
		return fmt.Errorf("become group %d: %w", id.GID, err)
	}
	if err := sys.setresuid(id.UID, id.UID, id.UID); err != nil {
		return fmt.Errorf("become user %d: %w", id.UID, err)
	}
	err = verifyThreads(sys, func(s threads.Status) error {
		return errors.Join(checkIDs(s, id), checkGroups(s), checkCapabilities(s))
	})
	if err != nil {
		return err
	}
	return verifyNoReturn(sys, id)
}

// stay verifies that the process has the identity already.
func stay(sys system, id Identity) error {
	err := verifyThreads(sys, func(s threads.Status) error { return checkIDs(s, id) })
	if err != nil {
		return fmt.Errorf("become user %d, group %d: only root can, and this process is not root: %w", id.UID, id.GID, err)
	}
	return verifyNoReturn(sys, id)
}

// clearBounding empties the bounding set, from which an executed program could gain capabilities,
// if any thread has a non-empty one and the process has the right to.
func clearBounding(sys system, all []threads.Status) error {
	isEmpty := !slices.ContainsFunc(all, func(s threads.Status) bool { return s.Bounding != 0 })
	isAllowed := !slices.ContainsFunc(all, func(s threads.Status) bool { return s.Effective&(1<<unix.CAP_SETPCAP) == 0 })
	if isEmpty || !isAllowed {
		return nil
	}
	const most = 64 // the bits of a set
	for capability := range uintptr(most) {
		err := sys.prctl(unix.PR_CAPBSET_DROP, capability, 0)
		if errors.Is(err, syscall.EINVAL) && capability > unix.CAP_SETPCAP {
			return nil // the kernel has no more capabilities
		}
		if err != nil {
			return fmt.Errorf("empty the capability bounding set: %w", err)
		}
	}
	return nil
}

// verifyNoReturn returns an error unless attempts to become root again fail.
func verifyNoReturn(sys system, id Identity) error {
	if sys.setuid(0) == nil {
		return errors.New("root could be taken back after it was given up: setuid(0) succeeded")
	}
	if id.GID != 0 && sys.setgid(0) == nil { // the configuration may ask for group 0
		return errors.New("root's group could be taken back after it was given up: setgid(0) succeeded")
	}
	return nil
}
