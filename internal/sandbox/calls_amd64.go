package sandbox

import "golang.org/x/sys/unix"

const (
	auditArch = unix.AUDIT_ARCH_X86_64
	hasX32    = true

	// runtimeThread is how the Go runtime makes a thread (runtime/sys_linux_amd64.s).
	runtimeThread = sharedThread | unix.CLONE_SETTLS
)

// machineCalls are those that Go's packages use on this architecture alone.
var machineCalls = []uint32{unix.SYS_EPOLL_WAIT, unix.SYS_NEWFSTATAT, unix.SYS_POLL}
