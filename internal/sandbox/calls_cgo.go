//go:build cgo

package sandbox

import "golang.org/x/sys/unix"

// threadByC is the flags with which glibc creates a thread.
const threadByC = sharedThread | unix.CLONE_SETTLS | unix.CLONE_PARENT_SETTID | unix.CLONE_CHILD_CLEARTID

// threadFlags are the allowed flags of clone.
var threadFlags = []uint32{runtimeThread, threadByC}

// prctlCalls are the allowed options of prctl: the runtime and glibc name their memory.
var prctlCalls = []uint32{unix.PR_SET_VMA}

// libraryCalls are the calls of the C library, in a binary with the race detector.
var libraryCalls = []uint32{unix.SYS_SET_ROBUST_LIST, unix.SYS_RSEQ, unix.SYS_MREMAP}
