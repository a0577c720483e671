//go:build !cgo

package sandbox

import "golang.org/x/sys/unix"

// threadFlags are what clone may be called with.
var threadFlags = []uint32{runtimeThread}

// prctlCalls are what prctl may be called with: the runtime names its memory.
var prctlCalls = []uint32{unix.PR_SET_VMA}

// libraryCalls are those of C's library, which is not there.
var libraryCalls []uint32
