//go:build !cgo

package sandbox

import "golang.org/x/sys/unix"

// threadFlags are the allowed flags of clone.
var threadFlags = []uint32{runtimeThread}

// prctlCalls are the allowed options of prctl: the runtime names its memory.
var prctlCalls = []uint32{unix.PR_SET_VMA}

// libraryCalls are the calls of the C library, which this binary does not use.
var libraryCalls []uint32
