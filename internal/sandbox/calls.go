package sandbox

import (
	"golang.org/x/sys/unix"
)

// sockTypeFlags are the bits in a socket's type that are flags.
const sockTypeFlags = unix.SOCK_NONBLOCK | unix.SOCK_CLOEXEC

// frequentCalls come first, because the kernel tries the rules in order. It caches the result for
// calls whose arguments are not checked.
var frequentCalls = []uint32{
	unix.SYS_FUTEX, unix.SYS_READ, unix.SYS_WRITE, unix.SYS_EPOLL_PWAIT, unix.SYS_EPOLL_CTL, unix.SYS_NANOSLEEP,
	unix.SYS_ACCEPT4, unix.SYS_CLOSE, unix.SYS_MADVISE, unix.SYS_GETPID, unix.SYS_SCHED_YIELD,
	unix.SYS_RT_SIGRETURN, unix.SYS_RT_SIGPROCMASK,
}

// otherCalls are less frequent.
var otherCalls = []uint32{
	// The Go runtime: memory, threads, signals, clocks, the number of processors.
	unix.SYS_MUNMAP, unix.SYS_MINCORE, unix.SYS_SIGALTSTACK, unix.SYS_RT_SIGACTION, unix.SYS_GETTID, unix.SYS_EXIT, unix.SYS_EXIT_GROUP,
	unix.SYS_RESTART_SYSCALL, unix.SYS_CLOCK_GETTIME, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_GETRANDOM, unix.SYS_SCHED_GETAFFINITY,
	unix.SYS_EVENTFD2, unix.SYS_UNAME,
	// Waiting for the service manager.
	unix.SYS_PIPE2, unix.SYS_PPOLL,
	// The identity of the process.
	unix.SYS_GETUID, unix.SYS_GETEUID, unix.SYS_GETGID, unix.SYS_GETEGID,
	// Open sockets.
	unix.SYS_GETSOCKNAME, unix.SYS_GETPEERNAME, unix.SYS_GETSOCKOPT, unix.SYS_SHUTDOWN, unix.SYS_RECVFROM, unix.SYS_RECVMSG,
	// Files, within the grants of Landlock.
	unix.SYS_OPENAT, unix.SYS_FSTAT, unix.SYS_STATX, unix.SYS_LSEEK, unix.SYS_PREAD64, unix.SYS_PWRITE64, unix.SYS_WRITEV,
	unix.SYS_GETDENTS64, unix.SYS_READLINKAT, unix.SYS_FACCESSAT, unix.SYS_FACCESSAT2,
	unix.SYS_MKDIRAT, unix.SYS_UNLINKAT, unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2,
	unix.SYS_FSYNC, unix.SYS_FDATASYNC, unix.SYS_FTRUNCATE, unix.SYS_FALLOCATE, unix.SYS_FLOCK, unix.SYS_FCHMOD, unix.SYS_FCHMODAT,
}

// profileCalls are what the Go runtime takes a CPU profile with: a timer for each thread.
var profileCalls = []uint32{unix.SYS_SETITIMER, unix.SYS_TIMER_CREATE, unix.SYS_TIMER_SETTIME, unix.SYS_TIMER_DELETE}

// callPolicy returns the system calls that process pid may make.
func callPolicy(o *Options, pid int) policy {
	p := policy{arch: auditArch, x32: hasX32, refuse: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)}
	if o.kill {
		p.refuse = unix.SECCOMP_RET_KILL_PROCESS
	}
	always := func(calls ...uint32) {
		for _, c := range calls {
			p.rules = append(p.rules, rule{call: c})
		}
	}
	when := func(call uint32, alternatives ...[]check) { p.rules = append(p.rules, rule{call, alternatives}) }

	always(frequentCalls...)
	// TCP Fast Open would connect without connect(2), which is the call that Landlock checks.
	when(unix.SYS_SENDMSG, []check{hasNot(2, unix.MSG_FASTOPEN)})
	when(unix.SYS_TGKILL, []check{is(0, uint32(pid))})
	always(otherCalls...)
	always(machineCalls...)
	always(libraryCalls...)
	when(unix.SYS_SENDTO, []check{hasNot(3, unix.MSG_FASTOPEN)})
	when(unix.SYS_KILL, []check{is(0, uint32(pid))})
	when(unix.SYS_MMAP, []check{hasNot(2, unix.PROT_EXEC)})
	when(unix.SYS_MPROTECT, []check{hasNot(2, unix.PROT_EXEC)})
	when(unix.SYS_FCNTL, oneOf(1, unix.F_GETFD, unix.F_SETFD, unix.F_GETFL, unix.F_SETFL, unix.F_DUPFD_CLOEXEC)...)
	when(unix.SYS_PRCTL, oneOf(0, prctlCalls...)...)
	// The length of a socket's queue.
	when(unix.SYS_IOCTL, oneOf(1, unix.SIOCOUTQ, siocOutQNSD)...)
	when(unix.SYS_SETSOCKOPT,
		[]check{
			is(1, unix.SOL_SOCKET), isNot(2, unix.SO_ATTACH_FILTER), isNot(2, unix.SO_ATTACH_BPF),
			isNot(2, unix.SO_ATTACH_REUSEPORT_CBPF), isNot(2, unix.SO_ATTACH_REUSEPORT_EBPF),
		},
		[]check{is(1, unix.IPPROTO_TCP), isNot(2, unix.TCP_ULP), isNot(2, unix.TCP_FASTOPEN_CONNECT)},
		[]check{is(1, unix.IPPROTO_IPV6), is(2, unix.IPV6_V6ONLY)})
	when(unix.SYS_CLONE, oneOf(0, threadFlags...)...)
	if o.Profiles {
		always(profileCalls...)
	}
	if sockets := socketsFor(o); len(sockets) > 0 {
		when(unix.SYS_SOCKET, sockets...)
		always(unix.SYS_CONNECT)
	}
	// glibc falls back to clone if there is no clone3, whose arguments a filter cannot see.
	p.absent = map[uint32]uint32{unix.SYS_CLONE3: uint32(unix.ENOSYS)}
	return p
}

// siocOutQNSD is SIOCOUTQNSD of linux/sockios.h: bytes written to a TCP socket and not yet sent.
const siocOutQNSD = 0x894b

// socketsFor returns the sockets that may be created, by family, type and protocol. Multipath TCP,
// which Landlock does not check, and raw and netlink sockets are not among them.
func socketsFor(o *Options) [][]check {
	if len(o.ConnectPorts) == 0 {
		return nil
	}
	var sockets [][]check
	add := func(family, kind uint32, protocols ...uint32) {
		for _, protocol := range protocols {
			sockets = append(sockets, []check{is(0, family), isBut(1, sockTypeFlags, kind), is(2, protocol)})
		}
	}
	for _, family := range []uint32{unix.AF_INET, unix.AF_INET6} {
		add(family, unix.SOCK_STREAM, 0, unix.IPPROTO_TCP)
		add(family, unix.SOCK_DGRAM, 0, unix.IPPROTO_UDP) // DNS
	}
	return sockets
}
