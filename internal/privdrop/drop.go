package privdrop

import (
	"errors"
	"fmt"
	"syscall"
)

// Drop makes every thread of the process id, without supplementary groups, and proves it. A process that is
// not root can only become what it is already; its supplementary groups then stay. After an error the
// process may be anything between the two and must end.
func Drop(id Identity) error {
	return drop(realSystem, id)
}

// system is what Drop asks of the kernel.
type system struct {
	geteuid   func() int
	setgroups func([]int) error
	setresgid func(rgid, egid, sgid int) error
	setresuid func(ruid, euid, suid int) error
	setuid    func(int) error
	setgid    func(int) error
	threads   func() ([]thread, error)
}

var realSystem = system{
	geteuid:   syscall.Geteuid,
	setgroups: syscall.Setgroups,
	setresgid: syscall.Setresgid,
	setresuid: syscall.Setresuid,
	setuid:    syscall.Setuid,
	setgid:    syscall.Setgid,
	threads:   readThreads,
}

func drop(sys system, id Identity) error {
	if id.UID <= 0 || id.GID < 0 {
		return errors.New("an identity that was not resolved cannot be taken")
	}
	if sys.geteuid() != 0 {
		return stay(sys, id)
	}
	// Groups first: afterwards there is no right to change them.
	if err := sys.setgroups([]int{}); err != nil {
		return fmt.Errorf("give up supplementary groups: %w", err)
	}
	if err := sys.setresgid(id.GID, id.GID, id.GID); err != nil {
		return fmt.Errorf("become group %d: %w", id.GID, err)
	}
	if err := sys.setresuid(id.UID, id.UID, id.UID); err != nil {
		return fmt.Errorf("become user %d: %w", id.UID, err)
	}
	want := thread{
		uids: [4]int{id.UID, id.UID, id.UID, id.UID},
		gids: [4]int{id.GID, id.GID, id.GID, id.GID},
	}
	if err := verifyThreads(sys, want, thread.checkAll); err != nil {
		return err
	}
	return verifyNoReturn(sys, id)
}

// stay accepts an identity that the process has already.
func stay(sys system, id Identity) error {
	want := thread{
		uids: [4]int{id.UID, id.UID, id.UID, id.UID},
		gids: [4]int{id.GID, id.GID, id.GID, id.GID},
	}
	if err := verifyThreads(sys, want, thread.checkIDs); err != nil {
		return fmt.Errorf("become user %d, group %d: only root can, and this process is not root: %w", id.UID, id.GID, err)
	}
	return verifyNoReturn(sys, id)
}

func verifyThreads(sys system, want thread, check func(have, want thread) error) error {
	threads, err := sys.threads()
	if err != nil {
		return fmt.Errorf("verify the threads: %w", err)
	}
	if len(threads) == 0 {
		return errors.New("verify the threads: none was found below /proc/self/task")
	}
	for _, have := range threads {
		if err := check(have, want); err != nil {
			return fmt.Errorf("thread %s: %w", have.id, err)
		}
	}
	return nil
}

// verifyNoReturn tries to become root again, which must fail.
func verifyNoReturn(sys system, id Identity) error {
	if sys.setuid(0) == nil {
		return errors.New("root could be taken back after it was given up: setuid(0) succeeded")
	}
	if id.GID != 0 && sys.setgid(0) == nil { // group 0 may be what the configuration asks for
		return errors.New("root's group could be taken back after it was given up: setgid(0) succeeded")
	}
	return nil
}
