package sandbox

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// These calls have no wrappers in golang.org/x/sys/unix. Pointers refer only to values in this
// file.

// landlockABI returns the version of Landlock, and the errata that it has fixed, one bit each.
func landlockABI() (abi, errata int, err error) {
	v, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0, 0, errno
	}
	mended, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_ERRATA)
	if errno != 0 {
		mended = 0 // unknown, so assume that none is fixed
	}
	return int(v), int(mended), nil
}

// rulesetAttr is struct landlock_ruleset_attr as of ABI 6. An older kernel accepts it if the fields
// that it does not know are zero.
type rulesetAttr struct {
	handledFS, handledNet, scoped uint64
}

func landlockCreate(h handled) (fd int, err error) {
	attr := rulesetAttr{h.fs, h.net, h.scoped}
	r, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
	if errno != 0 {
		return -1, errno
	}
	return int(r), nil
}

func landlockPath(ruleset, fd int, rights uint64) error {
	attr := unix.LandlockPathBeneathAttr{Allowed_access: rights, Parent_fd: int32(fd)}
	return landlockRule(ruleset, unix.LANDLOCK_RULE_PATH_BENEATH, unsafe.Pointer(&attr))
}

// ruleNetPort and netPortAttr are from landlock(7).
const ruleNetPort = 2

type netPortAttr struct{ allowed, port uint64 }

func landlockPort(ruleset int, port uint16, rights uint64) error {
	attr := netPortAttr{rights, uint64(port)}
	return landlockRule(ruleset, ruleNetPort, unsafe.Pointer(&attr))
}

func landlockRule(ruleset, kind int, attr unsafe.Pointer) error {
	if _, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), uintptr(kind), uintptr(attr), 0, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// seccompFilter installs the program for every thread of the process. The kernel logs refused
// calls.
func seccompFilter(program []unix.SockFilter) error {
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_TSYNC|unix.SECCOMP_FILTER_FLAG_LOG, uintptr(unsafe.Pointer(&prog)))
	switch {
	case errno != 0:
		return errno
	case thread != 0: // that thread has its own filter
		return unix.EBUSY
	}
	return nil
}
