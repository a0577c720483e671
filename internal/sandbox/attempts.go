package sandbox

import (
	"errors"

	"golang.org/x/sys/unix"
)

// forbiddenCalls are calls that seccomp must refuse. If the kernel itself refuses one, it returns a
// different error.
var forbiddenCalls = []struct {
	what string
	do   func() error
}{
	{"become root", becomeRoot},
	{"execute a program", call(unix.SYS_EXECVE, 0, 0)},         // EFAULT
	{"trace a process", call(unix.SYS_PTRACE, ^uintptr(0), 0)}, // ESRCH
	{"make a namespace", call(unix.SYS_UNSHARE, 0, 0)},         // would succeed
	{"bind a socket", call(unix.SYS_BIND, ^uintptr(0), 0)},     // EBADF
	{"listen on a socket", call(unix.SYS_LISTEN, ^uintptr(0), 0)},
	{"make a netlink socket", socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE)},
	{"make a raw socket", socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)},
	{"make a Multipath TCP socket", socket(unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_MPTCP)},
	{"make a Unix stream socket", socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)},
	{"map executable memory", mapExecutable},
	{"make memory executable", makeExecutable},
}

func call(trap, a1, a2 uintptr) func() error {
	return func() error {
		if _, _, errno := unix.RawSyscall(trap, a1, a2, 0); errno != 0 {
			return errno
		}
		return nil
	}
}

// becomeRoot tries to become root on the current thread only.
func becomeRoot() error { return call(unix.SYS_SETUID, 0, 0)() }

func socket(family, kind, protocol int) func() error {
	return func() error {
		fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, protocol)
		if err == nil {
			return unix.Close(fd)
		}
		return err
	}
}

func mapExecutable() error {
	memory, err := unix.Mmap(-1, 0, unix.Getpagesize(), unix.PROT_READ|unix.PROT_EXEC, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err == nil {
		return unix.Munmap(memory)
	}
	return err
}

func makeExecutable() error {
	memory, err := unix.Mmap(-1, 0, unix.Getpagesize(), unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return err
	}
	return errors.Join(unix.Mprotect(memory, unix.PROT_READ|unix.PROT_EXEC), unix.Munmap(memory))
}

func open(path string) func() error {
	return func() error {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
		if err == nil {
			return unix.Close(fd)
		}
		return err
	}
}

var loopback = [4]byte{127, 0, 0, 1}

func bindTCP() error {
	return withTCP(func(fd int) error { return unix.Bind(fd, &unix.SockaddrInet4{Addr: loopback}) })
}

func connectTCP(port uint16) func() error {
	return func() error {
		return withTCP(func(fd int) error {
			return unix.Connect(fd, &unix.SockaddrInet4{Addr: loopback, Port: int(port)})
		})
	}
}

func withTCP(do func(fd int) error) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		return err
	}
	return errors.Join(do(fd), unix.Close(fd))
}
