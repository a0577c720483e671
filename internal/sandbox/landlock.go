package sandbox

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/threads"
)

// landlock is a ruleset that is ready to be enforced.
type landlock struct {
	abi     int // of the kernel
	ruleset int // its descriptor; -1: none
	err     error
}

// prepareLandlock returns a ruleset that allows only what the options grant.
func prepareLandlock(o *Options) landlock {
	abi, errata, err := landlockABI()
	if err != nil {
		return landlock{ruleset: -1, err: fmt.Errorf("the kernel has no Landlock, or does not let us use it: %w", err)}
	}
	h := handledBy(abi, errata)
	ruleset, err := landlockCreate(h)
	if err != nil {
		return landlock{ruleset: -1, err: fmt.Errorf("make a Landlock ruleset: %w", err)}
	}
	return landlock{abi, ruleset, fillRuleset(ruleset, h, o)}
}

func fillRuleset(ruleset int, h handled, o *Options) error {
	for _, g := range o.Grants {
		if err := grant(ruleset, h.fs, g); err != nil {
			return fmt.Errorf("let %s be used: %w", g.Path, err)
		}
	}
	if err := landlockPath(ruleset, o.View.FD(), ReadDir.rights()&h.fs); err != nil {
		return fmt.Errorf("let the threads be looked at: %w", err)
	}
	if h.net == 0 {
		return nil
	}
	for _, port := range o.ConnectPorts {
		if err := landlockPort(ruleset, port, unix.LANDLOCK_ACCESS_NET_CONNECT_TCP); err != nil {
			return fmt.Errorf("let port %d be connected to: %w", port, err)
		}
	}
	return nil
}

// grant adds a rule. A path that does not exist or is not accessible needs none.
func grant(ruleset int, handled uint64, g Grant) error {
	fd, err := unix.Open(g.Path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.EACCES) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }() // opened with O_PATH
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	rights := g.Use.rights() & handled
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		rights &= fileRights
	}
	if rights == 0 {
		return nil
	}
	return landlockPath(ruleset, fd, rights)
}

// enter enforces the ruleset on every thread, and returns the ABI of the kernel.
func (l *landlock) enter() (abi int, err error) {
	if l.err != nil {
		return 0, l.err
	}
	if err := threads.RestrictSelf(l.ruleset); err != nil {
		return 0, fmt.Errorf("enter a Landlock domain: %w", err)
	}
	return l.abi, nil
}

func (l *landlock) close() error {
	if l.ruleset < 0 {
		return nil
	}
	fd := l.ruleset
	l.ruleset = -1
	return unix.Close(fd)
}
