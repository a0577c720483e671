package threads

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// callTime is how much processor time a call on every thread may take; it needs a thousandth.
const callTime = 5 * time.Second

// Limited runs call, which makes a system call on every thread. If that takes more than a few
// seconds of processor time, the process ends by SIGABRT, with the stacks of all goroutines on
// standard error.
//
// The Go runtime sends each thread a signal, and spins until all have made the call. It does not
// notice if a signal could not be sent (tgkill(2), EAGAIN): it would spin for ever, with all
// goroutines stopped, and no service manager would know. Time of the wall is not counted, so a
// process that is stopped meanwhile, or on a busy machine, goes on.
func Limited(call func() error) error {
	lift, err := abortAfter(callTime)
	if err != nil {
		return err
	}
	defer lift()
	return call()
}

// sigevent is that of sigevent(7), as the kernel lays it out on 64-bit machines.
type sigevent struct {
	value  uintptr
	signo  int32
	notify int32 // 0: SIGEV_SIGNAL
	_      [48]byte
}

// abortAfter has the kernel end the process after so much of its processor time, unless lift is
// called before (timer_create(2)).
func abortAfter(used time.Duration) (lift func(), err error) {
	var timer int32
	event := sigevent{signo: int32(unix.SIGABRT)}
	_, _, errno := unix.Syscall(unix.SYS_TIMER_CREATE, unix.CLOCK_PROCESS_CPUTIME_ID, uintptr(unsafe.Pointer(&event)), uintptr(unsafe.Pointer(&timer)))
	if errno != 0 {
		return nil, errno
	}
	lift = func() { _, _, _ = unix.Syscall(unix.SYS_TIMER_DELETE, uintptr(timer), 0, 0) }
	in := unix.ItimerSpec{Value: unix.NsecToTimespec(used.Nanoseconds())}
	if _, _, errno := unix.Syscall6(unix.SYS_TIMER_SETTIME, uintptr(timer), 0, uintptr(unsafe.Pointer(&in)), 0, 0, 0); errno != 0 {
		lift()
		return nil, errno
	}
	return lift, nil
}
