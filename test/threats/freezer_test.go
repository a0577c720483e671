package threats

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/test/harness"
)

// freezer decides about the system calls by which a daemon could wait for something outside: those
// that take a path, and those that read, write or sync a descriptor. Once frozen, such calls never
// return, as if every disk and pipe hung, except on sockets and event loops. The kernel asks by
// seccomp_unotify(2).
type freezer struct {
	t        testing.TB
	listener int
	ended    chan struct{}

	mu     sync.Mutex // guards what follows
	frozen bool
	hung   map[string]bool // calls that never returned, with what they were about
}

// freezerVariable makes the test program a wrapper: it passes a listener for its system calls to
// descriptor 3, and executes the program of its arguments.
const freezerVariable = "TEST_FREEZABLE"

// callFstatat is the number of newfstatat or fstatat, whose name depends on the architecture.
var callFstatat = map[string]uint32{"amd64": 262, "arm64": 79}

// Calls that a freezer decides about.
var (
	callsByPath = []uint32{
		unix.SYS_OPENAT, unix.SYS_OPENAT2, callFstatat[runtime.GOARCH], unix.SYS_STATX, unix.SYS_UNLINKAT, unix.SYS_RENAMEAT,
		unix.SYS_RENAMEAT2, unix.SYS_MKDIRAT, unix.SYS_FCHMODAT, unix.SYS_FCHOWNAT, unix.SYS_READLINKAT,
	}
	callsByDescriptor = []uint32{
		unix.SYS_READ, unix.SYS_WRITE, unix.SYS_PREAD64, unix.SYS_PWRITE64, unix.SYS_WRITEV, unix.SYS_FSYNC, unix.SYS_FDATASYNC,
		unix.SYS_FTRUNCATE, unix.SYS_GETDENTS64, unix.SYS_FLOCK, unix.SYS_FSTAT,
	}
)

// becomeFreezable is the wrapper.
func becomeFreezable(line []string) error {
	program := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}} // seccomp_data.nr
	for _, nr := range slices.Concat(callsByPath, callsByDescriptor) {
		program = append(program,
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: nr},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_USER_NOTIF})
	}
	program = append(program, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	filter := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	listener, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER,
		uintptr(unsafe.Pointer(&filter)))
	if errno != 0 {
		return errno
	}
	if err := unix.Sendmsg(3, []byte{0}, unix.UnixRights(int(listener)), nil, 0); err != nil {
		return err
	}
	unix.CloseOnExec(3)
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, freezerVariable) })
	return syscall.Exec(line[0], line, env)
}

// freezable makes a prepared daemon run under a freezer.
func freezable(d *harness.Daemon) *freezer {
	d.T.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		d.T.Fatal(err)
	}
	theirs := os.NewFile(uintptr(pair[1]), "freezer")
	d.Wrap = []string{os.Args[0], harness.Hassesd}
	d.Env = append(d.Env, freezerVariable+"=1")
	d.Files = []*os.File{theirs}
	f := &freezer{t: d.T, ended: make(chan struct{}), hung: make(map[string]bool)}
	go func() {
		defer close(f.ended)
		defer unix.Close(pair[0])
		if f.listener, err = receiveDescriptor(pair[0]); err != nil {
			f.t.Errorf("the daemon does not become freezable: %v", err)
			return
		}
		defer unix.Close(f.listener)
		f.decide()
	}()
	d.T.Cleanup(func() { // after the daemon's end
		theirs.Close()
		<-f.ended
	})
	return f
}

func receiveDescriptor(socket int) (int, error) {
	oob := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(socket, make([]byte, 1), oob, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return -1, err
	}
	messages, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil || len(messages) == 0 {
		return -1, errors.Join(err, errors.New("no descriptor comes"))
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return -1, err
	}
	return fds[0], nil
}

// question and verdict are struct seccomp_notif and seccomp_notif_resp.
type (
	question struct {
		id         uint64
		pid, flags uint32
		nr         int32
		arch       uint32
		ip         uint64
		args       [6]uint64
	}
	verdict struct {
		id    uint64
		val   int64
		errno int32
		flags uint32
	}
)

// decide answers the kernel until no process of the daemon is left.
func (f *freezer) decide() {
	for {
		look := []unix.PollFd{{Fd: int32(f.listener), Events: unix.POLLIN}}
		if _, err := unix.Poll(look, -1); err != nil && !errors.Is(err, unix.EINTR) {
			f.t.Errorf("freezer: %v", err)
			return
		}
		if look[0].Revents&unix.POLLIN == 0 {
			if look[0].Revents&unix.POLLHUP != 0 {
				return
			}
			continue
		}
		var q question
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(f.listener), unix.SECCOMP_IOCTL_NOTIF_RECV, uintptr(unsafe.Pointer(&q))); errno != 0 {
			continue // the calling thread is gone
		}
		if f.hangs(q) {
			continue
		}
		v := verdict{id: q.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
		_, _, _ = unix.Syscall(unix.SYS_IOCTL, uintptr(f.listener), unix.SECCOMP_IOCTL_NOTIF_SEND, uintptr(unsafe.Pointer(&v))) // as before
	}
}

// hangs reports whether a call never returns.
func (f *freezer) hangs(q question) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.frozen {
		return false
	}
	var about string
	var err error
	if slices.Contains(callsByDescriptor, uint32(q.nr)) {
		about, err = os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", q.pid, int32(q.args[0])))
	} else {
		about, err = pathOf(q)
	}
	if err != nil {
		return false // the kernel will refuse it
	}
	// Event loops own eventfd and epoll. The kernel's own files hang on no disk, and Go's scheduler reads them.
	for _, always := range []string{"socket:", "anon_inode:", "/proc/", "/sys/"} {
		if strings.HasPrefix(about, always) {
			return false
		}
	}
	f.hung[fmt.Sprintf("call %d of %s", q.nr, about)] = true
	return true
}

// pathOf returns the path that a call names.
func pathOf(q question) (string, error) {
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", q.pid))
	if err != nil {
		return "", err
	}
	defer memory.Close()
	path := make([]byte, unix.PathMax)
	n, err := memory.ReadAt(path, int64(q.args[1]))
	if n == 0 {
		return "", err
	}
	return unix.ByteSliceToString(path[:n]), nil
}

// freeze makes every such call hang from now on.
func (f *freezer) freeze() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.frozen = true
}

// hasHung reports whether a call about something that contains text has hung within Patience.
func (f *freezer) hasHung(nr uint32, text string) bool {
	return harness.Poll(harness.Patience, func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		for what := range f.hung {
			if strings.HasPrefix(what, fmt.Sprintf("call %d of ", nr)) && strings.Contains(what, text) {
				return true
			}
		}
		return false
	})
}
