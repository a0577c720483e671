package privdrop

import (
	"errors"
	"fmt"

	"github.com/hassesd/hassesd/internal/threads"
)

// verifyThreads returns the first error of check for any thread.
func verifyThreads(sys system, check func(threads.Status) error) error {
	all, err := sys.threads()
	if err != nil {
		return fmt.Errorf("verify the threads: %w", err)
	}
	for _, s := range all {
		if err := check(s); err != nil {
			return fmt.Errorf("thread %s: %w", s.ID, err)
		}
	}
	return nil
}

func checkIDs(s threads.Status, id Identity) error {
	if want := [4]int{id.UID, id.UID, id.UID, id.UID}; s.UIDs != want {
		return fmt.Errorf("its users are %v, not %v", s.UIDs, want)
	}
	if want := [4]int{id.GID, id.GID, id.GID, id.GID}; s.GIDs != want {
		return fmt.Errorf("its groups are %v, not %v", s.GIDs, want)
	}
	return nil
}

func checkGroups(s threads.Status) error {
	if len(s.Groups) > 0 {
		return fmt.Errorf("its supplementary groups are %v, not none", s.Groups)
	}
	return nil
}

func checkCapabilities(s threads.Status) error {
	if s.Effective|s.Permitted|s.Ambient != 0 {
		return fmt.Errorf("it has capabilities left: effective %#x, permitted %#x, ambient %#x", s.Effective, s.Permitted, s.Ambient)
	}
	return nil
}

func checkSealed(s threads.Status) error {
	if err := checkCapabilities(s); err != nil {
		return err
	}
	if s.Inheritable != 0 {
		return fmt.Errorf("it has inheritable capabilities left: %#x", s.Inheritable)
	}
	if !s.NoNewPrivs {
		return errors.New("it could get rights by executing a program: no_new_privs is not set")
	}
	return nil
}
