//go:build cgo

package sandbox

import "golang.org/x/sys/unix"

// threadByC is how glibc makes a thread.
const threadByC = sharedThread | unix.CLONE_SETTLS | unix.CLONE_PARENT_SETTID | unix.CLONE_CHILD_CLEARTID

// threadFlags are what clone may be called with.
var threadFlags = []uint32{runtimeThread, threadByC}

// prctlCalls are what prctl may be called with: the runtime and glibc name their memory.
var prctlCalls = []uint32{unix.PR_SET_VMA}

// libraryCalls are those of C's library, in a binary with the race detector.
var libraryCalls = []uint32{unix.SYS_SET_ROBUST_LIST, unix.SYS_RSEQ, unix.SYS_MREMAP}
