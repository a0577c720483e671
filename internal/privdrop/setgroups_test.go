package privdrop

import (
	"syscall"
	"unsafe"
)

// setgroupsHere changes the supplementary groups of the calling thread alone, as golang.org/x/sys does.
func setgroupsHere(groups []uint32) error {
	_, _, errno := syscall.RawSyscall(syscall.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(unsafe.SliceData(groups))), 0)
	if errno != 0 {
		return errno
	}
	return nil
}
