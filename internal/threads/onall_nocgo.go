//go:build !cgo

package threads

import "syscall"

// onAll makes a system call on every thread. Objects that pointer arguments refer to do not move.
//
//go:uintptrescapes
func onAll(trap, a1, a2, a3 uintptr) error {
	return Limited(func() error {
		if _, _, errno := syscall.AllThreadsSyscall6(trap, a1, a2, a3, 0, 0, 0); errno != 0 {
			return errno
		}
		return nil
	})
}
