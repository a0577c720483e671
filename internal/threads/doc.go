// Package threads makes system calls on every thread of the process, and reads what the kernel says of each.
//
// Most rights belong to a thread and not to a process: a call that gives one up does so for the thread that made it, and
// a goroutine may run on any. A binary built without cgo stops all threads and repeats the call on each, by
// syscall.AllThreadsSyscall; that is how hassesd is built. The Go runtime cannot do so where C has threads of its own, as
// in a binary with the race detector; there libcap's psx does it.
package threads
