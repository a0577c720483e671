package privdrop

import (
	"syscall"

	"github.com/hassesd/hassesd/internal/threads"
)

// system is the system calls for dropping rights. All but the last two act on every thread.
type system struct {
	geteuid          func() int
	setgroups        func([]int) error
	setresgid        func(rgid, egid, sgid int) error
	setresuid        func(ruid, euid, suid int) error
	setuid           func(int) error
	setgid           func(int) error
	prctl            func(option int, a2, a3 uintptr) error
	dropCapabilities func() error
	coreLimit        func(bytes uint64) error
	threads          func() ([]threads.Status, error)
}

func realSystem(view *threads.View) system {
	return system{
		geteuid:          syscall.Geteuid,
		setgroups:        func(gids []int) error { return threads.Limited(func() error { return syscall.Setgroups(gids) }) },
		setresgid:        func(r, e, s int) error { return threads.Limited(func() error { return syscall.Setresgid(r, e, s) }) },
		setresuid:        func(r, e, s int) error { return threads.Limited(func() error { return syscall.Setresuid(r, e, s) }) },
		setuid:           func(uid int) error { return threads.Limited(func() error { return syscall.Setuid(uid) }) },
		setgid:           func(gid int) error { return threads.Limited(func() error { return syscall.Setgid(gid) }) },
		prctl:            threads.Prctl,
		dropCapabilities: threads.DropCapabilities,
		coreLimit: func(bytes uint64) error {
			return syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{Cur: bytes, Max: bytes})
		},
		threads: view.Read,
	}
}
