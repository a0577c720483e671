package sandbox

import (
	"testing"

	"golang.org/x/sys/unix"
)

const ourPID = 4711

func TestCallPolicy(t *testing.T) {
	const (
		allow   = unix.SECCOMP_RET_ALLOW
		refuse  = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
		cloexec = unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK
	)
	alone := Options{}
	online := Options{ConnectPorts: []uint16{443, 53}}
	for _, tc := range []struct {
		name    string
		options Options
		nr      uint32
		args    [6]uint64
		want    uint32
	}{
		{"read", alone, unix.SYS_READ, [6]uint64{}, allow},
		{"execute", alone, unix.SYS_EXECVE, [6]uint64{}, refuse},
		{"execute at", alone, unix.SYS_EXECVEAT, [6]uint64{}, refuse},
		{"trace", alone, unix.SYS_PTRACE, [6]uint64{}, refuse},
		{"read another's memory", alone, unix.SYS_PROCESS_VM_READV, [6]uint64{}, refuse},
		{"write another's memory", alone, unix.SYS_PROCESS_VM_WRITEV, [6]uint64{}, refuse},
		{"become another", alone, unix.SYS_SETRESUID, [6]uint64{}, refuse},
		{"bpf", alone, unix.SYS_BPF, [6]uint64{}, refuse},
		{"io_uring", alone, unix.SYS_IO_URING_SETUP, [6]uint64{}, refuse},
		{"keys", alone, unix.SYS_KEYCTL, [6]uint64{}, refuse},
		{"mount", alone, unix.SYS_MOUNT, [6]uint64{}, refuse},
		{"unshare", alone, unix.SYS_UNSHARE, [6]uint64{}, refuse},
		{"setns", alone, unix.SYS_SETNS, [6]uint64{}, refuse},
		{"open by handle", alone, unix.SYS_OPEN_BY_HANDLE_AT, [6]uint64{}, refuse},
		{"timer of a profile", alone, unix.SYS_TIMER_CREATE, [6]uint64{}, refuse},
		{"timer of a profile", Options{Profiles: true}, unix.SYS_TIMER_CREATE, [6]uint64{}, allow},
		{"timer of a profile", Options{Profiles: true}, unix.SYS_SETITIMER, [6]uint64{}, allow},
		{"execute for a profile", Options{Profiles: true}, unix.SYS_EXECVE, [6]uint64{}, refuse},
		{"memory file", alone, unix.SYS_MEMFD_CREATE, [6]uint64{}, refuse},
		{"user faults", alone, unix.SYS_USERFAULTFD, [6]uint64{}, refuse},
		{"bind", online, unix.SYS_BIND, [6]uint64{}, refuse},
		{"listen", online, unix.SYS_LISTEN, [6]uint64{}, refuse},
		{"send many", online, unix.SYS_SENDMMSG, [6]uint64{}, refuse},
		{"socket pair", online, unix.SYS_SOCKETPAIR, [6]uint64{}, refuse},
		{"link", alone, unix.SYS_LINKAT, [6]uint64{}, refuse},
		{"device", alone, unix.SYS_MKNODAT, [6]uint64{}, refuse},
		{"chown", alone, unix.SYS_FCHOWNAT, [6]uint64{}, refuse},

		{"a thread of the runtime", alone, unix.SYS_CLONE, [6]uint64{runtimeThread}, allow},
		{"a process", alone, unix.SYS_CLONE, [6]uint64{uint64(unix.SIGCHLD)}, refuse},
		{"a thread in a new namespace", alone, unix.SYS_CLONE, [6]uint64{runtimeThread | unix.CLONE_NEWUSER}, refuse},
		{"what cannot be looked into", alone, unix.SYS_CLONE3, [6]uint64{}, unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)},

		{"memory", alone, unix.SYS_MMAP, [6]uint64{2: unix.PROT_READ | unix.PROT_WRITE}, allow},
		{"executable memory", alone, unix.SYS_MMAP, [6]uint64{2: unix.PROT_READ | unix.PROT_EXEC}, refuse},
		{"memory protected", alone, unix.SYS_MPROTECT, [6]uint64{2: unix.PROT_NONE}, allow},
		{"memory made executable", alone, unix.SYS_MPROTECT, [6]uint64{2: unix.PROT_EXEC}, refuse},

		{"a signal to ourselves", alone, unix.SYS_TGKILL, [6]uint64{ourPID, 4712, uint64(unix.SIGURG)}, allow},
		{"a signal to others", alone, unix.SYS_TGKILL, [6]uint64{1, 1, uint64(unix.SIGKILL)}, refuse},
		{"the process ends itself", alone, unix.SYS_KILL, [6]uint64{ourPID}, allow},
		{"a signal to everybody", alone, unix.SYS_KILL, [6]uint64{^uint64(0)}, refuse},

		{"name memory", alone, unix.SYS_PRCTL, [6]uint64{unix.PR_SET_VMA}, allow},
		{"dumpable again", alone, unix.SYS_PRCTL, [6]uint64{unix.PR_SET_DUMPABLE, 1}, refuse},
		{"descriptor flags", alone, unix.SYS_FCNTL, [6]uint64{1: unix.F_SETFL}, allow},
		{"signals from a descriptor", alone, unix.SYS_FCNTL, [6]uint64{1: unix.F_SETOWN}, refuse},
		{"what waits in a socket", alone, unix.SYS_IOCTL, [6]uint64{1: siocOutQNSD}, allow},
		{"type on a terminal", alone, unix.SYS_IOCTL, [6]uint64{1: unix.TIOCSTI}, refuse},

		{"send", alone, unix.SYS_SENDMSG, [6]uint64{2: unix.MSG_NOSIGNAL}, allow},
		{"send and connect", online, unix.SYS_SENDMSG, [6]uint64{2: unix.MSG_FASTOPEN | unix.MSG_NOSIGNAL}, refuse},
		{"send to", online, unix.SYS_SENDTO, [6]uint64{3: unix.MSG_NOSIGNAL}, allow},
		{"send to and connect", online, unix.SYS_SENDTO, [6]uint64{3: unix.MSG_FASTOPEN}, refuse},
		{"keep alive", alone, unix.SYS_SETSOCKOPT, [6]uint64{1: unix.SOL_SOCKET, 2: unix.SO_KEEPALIVE}, allow},
		{"filter on a socket", alone, unix.SYS_SETSOCKOPT, [6]uint64{1: unix.SOL_SOCKET, 2: unix.SO_ATTACH_FILTER}, refuse},
		{"no delay", alone, unix.SYS_SETSOCKOPT, [6]uint64{1: unix.IPPROTO_TCP, 2: unix.TCP_NODELAY}, allow},
		{"another protocol on top", alone, unix.SYS_SETSOCKOPT, [6]uint64{1: unix.IPPROTO_TCP, 2: unix.TCP_ULP}, refuse},
		{"connect later", online, unix.SYS_SETSOCKOPT, [6]uint64{1: unix.IPPROTO_TCP, 2: unix.TCP_FASTOPEN_CONNECT}, refuse},
		{"packet filter", alone, unix.SYS_SETSOCKOPT, [6]uint64{1: unix.IPPROTO_IP, 2: 64}, refuse},

		{"TCP without anybody to talk to", alone, unix.SYS_SOCKET, [6]uint64{unix.AF_INET, unix.SOCK_STREAM | cloexec, 0}, refuse},
		{"connect without anybody to talk to", alone, unix.SYS_CONNECT, [6]uint64{}, refuse},
		{"TCP", online, unix.SYS_SOCKET, [6]uint64{unix.AF_INET, unix.SOCK_STREAM | cloexec, 0}, allow},
		{"TCP by its number", online, unix.SYS_SOCKET, [6]uint64{unix.AF_INET6, unix.SOCK_STREAM | cloexec, unix.IPPROTO_TCP}, allow},
		{"UDP", online, unix.SYS_SOCKET, [6]uint64{unix.AF_INET6, unix.SOCK_DGRAM | cloexec, 0}, allow},
		{"Multipath TCP", online, unix.SYS_SOCKET, [6]uint64{unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_MPTCP}, refuse},
		{"ping", online, unix.SYS_SOCKET, [6]uint64{unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_ICMP}, refuse},
		{"raw", online, unix.SYS_SOCKET, [6]uint64{unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_TCP}, refuse},
		{"netlink", online, unix.SYS_SOCKET, [6]uint64{unix.AF_NETLINK, unix.SOCK_RAW, 0}, refuse},
		{"packets", online, unix.SYS_SOCKET, [6]uint64{unix.AF_PACKET, unix.SOCK_RAW, 0}, refuse},
		{"other local services", online, unix.SYS_SOCKET, [6]uint64{unix.AF_UNIX, unix.SOCK_STREAM, 0}, refuse},
		{"datagrams to local services", online, unix.SYS_SOCKET, [6]uint64{unix.AF_UNIX, unix.SOCK_DGRAM, 0}, refuse},
	} {
		t.Run(tc.name, func(t *testing.T) {
			call := systemCall{auditArch, tc.nr, tc.args}
			if got := judge(t, compile(callPolicy(&tc.options, ourPID)), call); got != tc.want {
				t.Errorf("got %#x, want %#x", got, tc.want)
			}
			tc.options.kill = true
			want := tc.want
			if want == refuse {
				want = unix.SECCOMP_RET_KILL_PROCESS
			}
			if got := judge(t, compile(callPolicy(&tc.options, ourPID)), call); got != want {
				t.Errorf("where it kills: got %#x, want %#x", got, want)
			}
		})
	}
}

func TestNoCallIsListedTwice(t *testing.T) {
	seen := map[uint32]bool{}
	for _, r := range callPolicy(&Options{ConnectPorts: []uint16{443}}, ourPID).rules {
		if seen[r.call] {
			t.Errorf("call %d is listed twice: only the first counts", r.call)
		}
		seen[r.call] = true
	}
	const most = 85
	if len(seen) > most {
		t.Errorf("%d calls are let through, want at most %d", len(seen), most)
	}
	t.Logf("%d calls", len(seen))
}
