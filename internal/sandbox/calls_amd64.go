package sandbox

import "golang.org/x/sys/unix"

const (
	auditArch = unix.AUDIT_ARCH_X86_64
	hasX32    = true

	// runtimeThread is the flags with which the Go runtime creates a thread
	// (runtime/sys_linux_amd64.s).
	runtimeThread = sharedThread | unix.CLONE_SETTLS
)

// machineCalls are the calls that Go's packages use only on this architecture.
var machineCalls = []uint32{unix.SYS_EPOLL_WAIT, unix.SYS_NEWFSTATAT, unix.SYS_POLL}
