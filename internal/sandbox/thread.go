package sandbox

import "golang.org/x/sys/unix"

// sharedThread are the flags with which the Go runtime makes a thread, as far as they are those of all architectures
// (runtime/os_linux.go).
const sharedThread = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_SYSVSEM | unix.CLONE_THREAD
