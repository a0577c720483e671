package ops

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	sysLandlockCreateRuleset = unix.SYS_LANDLOCK_CREATE_RULESET
	syscallSeccomp           = unix.SYS_SECCOMP

	// withoutCallVariable makes this binary run the program of its arguments without one system call.
	withoutCallVariable = "TEST_WITHOUT_CALL"
)

// withoutCall returns a command line that runs another one without a system call.
func withoutCall(t *testing.T, call int) []string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return []string{"env", fmt.Sprintf("%s=%d", withoutCallVariable, call), self}
}

// runWithoutCall executes the program of the arguments; for it, the system call fails with ENOSYS.
func runWithoutCall(call string, args []string) error {
	nr, err := strconv.ParseUint(call, 10, 32)
	if err != nil {
		return err
	}
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(nr), Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	runtime.LockOSThread() // the thread that executes the program hands its filter on
	// As root no_new_privs need not be set for it, which would spoil the test.
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&program))); errno != 0 {
		return errno
	}
	return syscall.Exec(args[0], args, os.Environ())
}
