// Package threads makes system calls on every thread of the process, and reads the kernel's status
// of each thread.
//
// Most rights belong to a thread and not to a process: a call that drops a right does so for the
// calling thread, and a goroutine may run on any thread. In a binary built without cgo, as hassesd
// is, syscall.AllThreadsSyscall stops all threads and repeats the call on each. The Go runtime
// cannot do so if C code has its own threads, as in a binary with the race detector. There,
// libcap's psx does it.
package threads
