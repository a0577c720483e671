//go:build cgo

package threads

import "kernel.org/pub/linux/libs/security/libcap/psx"

// onAll makes a system call on every thread. Objects that pointer arguments refer to do not move.
//
//go:uintptrescapes
func onAll(trap, a1, a2, a3 uintptr) error {
	if _, _, errno := psx.Syscall6(trap, a1, a2, a3, 0, 0, 0); errno != 0 {
		return errno
	}
	return nil
}
