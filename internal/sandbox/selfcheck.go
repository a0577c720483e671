package sandbox

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/threads"
)

// Want is the expected state of the process.
type Want struct {
	UID, GID int
	Dropped  bool // root was dropped: supplementary groups and the bounding set must be empty
	Layers   Layers
	Options  Options // the options of Enter
}

// Check is the result of one check.
type Check struct {
	What string
	Err  error // nil: passed
}

// SelfCheck checks every thread, and tries what must not work. In a sandbox that kills, it skips
// attempts that would end the process. It returns the result of each attempt. The error joins the
// attempts that were not refused and the deviations of threads.
func SelfCheck(w Want) ([]Check, error) {
	var checks []Check
	for _, t := range w.attempts() {
		checks = append(checks, Check{t.what, t.verdict()})
	}
	all, err := w.Options.View.Read()
	now := Check{"threads", err}
	if err == nil {
		now = CheckThreads(w, all)
	}
	var errs []error
	for _, c := range append([]Check{now}, checks...) {
		if c.Err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", c.What, c.Err))
		}
	}
	return checks, errors.Join(errs...)
}

// CheckThreads checks that all threads are in the expected state and equal.
func CheckThreads(w Want, all []threads.Status) Check { return Check{"threads", w.checkThreads(all)} }

func (w *Want) checkThreads(all []threads.Status) error {
	for _, s := range all {
		if err := w.checkThread(s); err != nil {
			return fmt.Errorf("thread %s: %w", s.ID, err)
		}
		first, other := all[0], s
		if first.ID, other.ID = "", ""; !reflect.DeepEqual(first, other) {
			return fmt.Errorf("thread %s differs from thread %s", s.ID, all[0].ID)
		}
	}
	return nil
}

func (w *Want) checkThread(s threads.Status) error {
	const filtered = 2
	switch {
	case s.UIDs != [4]int{w.UID, w.UID, w.UID, w.UID}:
		return fmt.Errorf("its users are %v, not %d", s.UIDs, w.UID)
	case s.GIDs != [4]int{w.GID, w.GID, w.GID, w.GID}:
		return fmt.Errorf("its groups are %v, not %d", s.GIDs, w.GID)
	case w.Dropped && len(s.Groups) > 0:
		return fmt.Errorf("its supplementary groups are %v, not none", s.Groups)
	case s.Effective|s.Permitted|s.Inheritable|s.Ambient != 0:
		return fmt.Errorf("it has capabilities left: %#x", s.Effective|s.Permitted|s.Inheritable|s.Ambient)
	case w.Dropped && s.Bounding != 0:
		return fmt.Errorf("its capability bounding set is %#x, not empty", s.Bounding)
	case !s.NoNewPrivs:
		return errors.New("no_new_privs is not set")
	case w.Layers.Seccomp > 0 && s.Seccomp != filtered:
		return fmt.Errorf("its seccomp mode is %d, not %d", s.Seccomp, filtered)
	}
	return nil
}

// attempt is an action that must be refused with one of the errors.
type attempt struct {
	what    string
	do      func() error
	refused []error
}

func (a attempt) verdict() error {
	err := a.do()
	switch {
	case err == nil:
		return errors.New("it was not refused")
	case !slices.ContainsFunc(a.refused, func(want error) bool { return errors.Is(err, want) }):
		return fmt.Errorf("it was refused by something else: %w", err)
	}
	return nil
}

// attempts returns what the active layers must refuse.
func (w *Want) attempts() []attempt {
	var all []attempt
	add := func(what string, do func() error, refused ...error) { all = append(all, attempt{what, do, refused}) }
	isFiltered := w.Layers.Seccomp > 0
	if isFiltered && !w.Layers.kills {
		for _, c := range forbiddenCalls {
			add(c.what, c.do, unix.EPERM)
		}
		if len(w.Options.ConnectPorts) == 0 {
			add("make a TCP socket", socket(unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_TCP), unix.EPERM)
		}
	}
	if w.UID != 0 && !isFiltered {
		add("become root", becomeRoot, unix.EPERM)
	}
	const secret = "/etc/shadow"
	if w.Layers.Landlock > 0 {
		if len(Covers(w.Options.Grants, []Grant{{"/", ReadDir}})) > 0 {
			add("list /", open("/"), unix.EACCES)
		}
		if _, err := os.Lstat(secret); err == nil && len(Covers(w.Options.Grants, []Grant{{secret, ReadFile}})) > 0 {
			add("read "+secret, open(secret), unix.EACCES)
		}
	}
	// With seccomp, bind is never allowed, and connect only if there are ports to connect to.
	if w.Layers.Landlock >= abiNetwork {
		if !isFiltered {
			add("bind a TCP port", bindTCP, unix.EACCES)
		}
		if port, isFree := freePort(w.Options.ConnectPorts); isFree && (!isFiltered || len(w.Options.ConnectPorts) > 0) {
			add("connect to another port", connectTCP(port), unix.EACCES)
		}
	}
	return all
}

// abiNetwork is the first ABI with rules for ports.
const abiNetwork = 4

// freePort returns a port to which connections are not allowed.
func freePort(allowed []uint16) (uint16, bool) {
	for port := uint16(1); port < 1024; port++ {
		if !slices.Contains(allowed, port) {
			return port, true
		}
	}
	return 0, false
}
