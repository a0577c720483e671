package threads

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Prctl calls prctl(2) on every thread.
func Prctl(option int, a2, a3 uintptr) error {
	return onAll(unix.SYS_PRCTL, uintptr(option), a2, a3)
}

// RestrictSelf calls landlock_restrict_self(2) with the ruleset on every thread.
func RestrictSelf(ruleset int) error {
	return onAll(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(ruleset), 0, 0)
}

// DropCapabilities drops the effective, permitted, inheritable and, with them, ambient capabilities
// of every thread.
func DropCapabilities() error {
	header := &unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	none := &[2]unix.CapUserData{} // one for each half of 64 bits
	err := onAll(unix.SYS_CAPSET, uintptr(unsafe.Pointer(header)), uintptr(unsafe.Pointer(none)), 0)
	runtime.KeepAlive(header)
	runtime.KeepAlive(none)
	return err
}
