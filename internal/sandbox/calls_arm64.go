package sandbox

import "golang.org/x/sys/unix"

const (
	auditArch = unix.AUDIT_ARCH_AARCH64
	hasX32    = false

	// runtimeThread is the flags with which the Go runtime creates a thread
	// (runtime/sys_linux_arm64.s).
	runtimeThread = sharedThread
)

// machineCalls are the calls that Go's packages use only on this architecture.
var machineCalls = []uint32{unix.SYS_FSTATAT}
