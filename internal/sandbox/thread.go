package sandbox

import "golang.org/x/sys/unix"

// sharedThread are the flags of clone with which the Go runtime creates a thread on all
// architectures (runtime/os_linux.go).
const sharedThread = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_SYSVSEM | unix.CLONE_THREAD
