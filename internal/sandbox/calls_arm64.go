package sandbox

import "golang.org/x/sys/unix"

const (
	auditArch = unix.AUDIT_ARCH_AARCH64
	hasX32    = false

	// runtimeThread is how the Go runtime makes a thread (runtime/sys_linux_arm64.s).
	runtimeThread = sharedThread
)

// machineCalls are those that Go's packages use on this architecture alone.
var machineCalls = []uint32{unix.SYS_FSTATAT}
