package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/threads"
	"github.com/hassesd/hassesd/internal/threads/threadstest"
)

// A sandbox cannot be left, so each of these tests runs in a child: this binary again, told by
// variables what to play.
const (
	childVariable = "SANDBOX_TEST_CHILD"
	dirVariable   = "SANDBOX_TEST_DIR"
	killVariable  = "SANDBOX_TEST_KILL"
	portVariable  = "SANDBOX_TEST_PORT"
)

func TestMain(m *testing.M) {
	name := os.Getenv(childVariable)
	if name == "" {
		os.Exit(m.Run())
	}
	if err := play(name); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// landlockAlone begins the names of those without seccomp.
const landlockAlone = "landlock: "

func play(name string) error {
	if err := threads.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0); err != nil {
		return err
	}
	view, err := threads.Open()
	if err != nil {
		return err
	}
	dir := os.Getenv(dirVariable)
	grants, err := Grants([]Path{{filepath.Join(dir, "conf", "cert.pem"), ReadFile}, {filepath.Join(dir, "store"), Store}, {filepath.Join(dir, "log", "log"), AppendFile}})
	if err != nil {
		return err
	}
	o := Options{Grants: grants, View: view, kill: os.Getenv(killVariable) != ""}
	if port, err := strconv.ParseUint(os.Getenv(portVariable), 10, 16); err == nil {
		o.ConnectPorts = []uint16{uint16(port)}
	}
	r, w, err := os.Pipe() // the runtime's poller is there before, as in the daemon
	if err != nil {
		return err
	}
	defer func() { _ = errors.Join(r.Close(), w.Close()) }()
	release := threadstest.Hold(16)
	defer release()
	if do, ok := landlockActs[strings.TrimPrefix(name, landlockAlone)]; ok && strings.HasPrefix(name, landlockAlone) {
		l := prepareLandlock(&o)
		if _, err := l.enter(); err != nil {
			return err
		}
		return onOtherThreads(do.run)
	}
	s := Prepare(o)
	l := s.Enter()
	if err := errors.Join(l.LandlockErr, l.SeccompErr, s.Close()); err != nil {
		return err
	}
	if act, ok := forbiddenActs[name]; ok {
		return act.run()
	}
	if name == "load" {
		return playLoad() // it uses many threads by itself
	}
	return onOtherThreads(func() error { return allowedPlays[name](o, l) })
}

// onOtherThreads runs do on this thread and on others, new ones among them.
func onOtherThreads(do func() error) error {
	errs := make(chan error)
	for range 8 {
		go func() {
			runtime.LockOSThread() // never unlocked: the thread ends with its goroutine, so the next one is new
			errs <- do()
		}()
	}
	err := do()
	for range 8 {
		err = errors.Join(err, <-errs)
	}
	return err
}

// child runs this binary as name and returns its error, with what it said.
func child(t *testing.T, name string, env ...string) error {
	t.Helper()
	if _, _, err := landlockABI(); err != nil {
		t.Skipf("the kernel has no Landlock: %v", err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := tree(t, map[string]string{"conf/cert.pem": "", "store/state": "", "log/log": "", "secret/key": ""})
	var said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), append(env, childVariable+"="+name, dirVariable+"="+dir, "GORACE=atexit_sleep_ms=0")...)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w: %s", err, said.String())
	}
	return nil
}

// act is something that must be refused with one of the errors.
type act struct {
	do      func() error
	refused []error
}

func (a act) run() error { return attempt{do: a.do, refused: a.refused}.verdict() }

func inDir(path string) string { return filepath.Join(os.Getenv(dirVariable), path) }

func openFor(flags int, path string) func() error {
	return func() error {
		f, err := os.OpenFile(inDir(path), flags, 0o600)
		if err == nil {
			f.Close()
		}
		return err
	}
}

// landlockActs are refused by Landlock alone, without seccomp in front of it.
var landlockActs = map[string]act{
	"read elsewhere":           {openFor(os.O_RDONLY, "secret/key"), []error{unix.EACCES}},
	"read the system's":        {func() error { _, err := os.ReadFile("/etc/passwd"); return err }, []error{unix.EACCES}},
	"list what is for reading": {func() error { _, err := os.ReadDir(inDir("conf")); return err }, []error{unix.EACCES}},
	"write what is for reading": {
		openFor(os.O_WRONLY, "conf/cert.pem"),
		[]error{unix.EACCES},
	},
	"make what is for reading":   {openFor(os.O_CREATE|os.O_EXCL, "conf/new"), []error{unix.EACCES}},
	"remove what is for reading": {func() error { return os.Remove(inDir("conf/cert.pem")) }, []error{unix.EACCES}},
	"read a log":                 {openFor(os.O_RDONLY, "log/log"), []error{unix.EACCES}},
	"truncate a log":             {openFor(os.O_WRONLY|os.O_TRUNC, "log/log"), []error{unix.EACCES}},
	"move out of the store":      {func() error { return os.Rename(inDir("store/state"), inDir("log/state")) }, []error{unix.EXDEV, unix.EACCES}},
	"link into the store":        {func() error { return os.Link(inDir("secret/key"), inDir("store/key")) }, []error{unix.EXDEV, unix.EACCES}},
	"symbolic link in the store": {func() error { return os.Symlink("/etc", inDir("store/etc")) }, []error{unix.EACCES}},
	"a pipe in the store":        {func() error { return unix.Mkfifo(inDir("store/fifo"), 0o600) }, []error{unix.EACCES}},
	"execute":                    {func() error { return syscall.Exec("/bin/true", []string{"true"}, nil) }, []error{unix.EACCES}},
	"bind":                       {bindTCP, []error{unix.EACCES}},
	"connect":                    {connectTCP(1), []error{unix.EACCES}},
	"signal the parent":          {func() error { return unix.Kill(os.Getppid(), 0) }, []error{unix.EPERM}},
	"abstract socket": {func() error {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		return errors.Join(unix.Connect(fd, &unix.SockaddrUnix{Name: os.Getenv(abstractVariable)}), unix.Close(fd))
	}, []error{unix.EPERM}},
}

// abstractVariable names an abstract socket on which the parent listens.
const abstractVariable = "SANDBOX_TEST_ABSTRACT"

func TestLandlockRefuses(t *testing.T) {
	t.Parallel()
	name := "@hassesd-sandbox-test-" + strconv.Itoa(os.Getpid())
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrUnix{Name: name}), unix.Listen(fd, 16)); err != nil {
		t.Fatal(err)
	}
	abi, errata, err := landlockABI()
	if err != nil {
		t.Skipf("the kernel has no Landlock: %v", err)
	}
	h := handledBy(abi, errata)
	for what := range landlockActs {
		switch {
		case what == "signal the parent" && h.scoped&unix.LANDLOCK_SCOPE_SIGNAL == 0,
			what == "abstract socket" && h.scoped == 0,
			(what == "bind" || what == "connect") && h.net == 0,
			what == "truncate a log" && abi < 3:
			continue // this kernel cannot
		}
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			if err := child(t, landlockAlone+what, abstractVariable+"="+name); err != nil {
				t.Error(err)
			}
		})
	}
}

// forbiddenActs are refused by seccomp: in production with EPERM, in a sandbox that kills by the
// end of the process.
var forbiddenActs = map[string]act{
	"execute a program":  {func() error { return syscall.Exec("/bin/true", []string{"true"}, nil) }, []error{unix.EPERM}},
	"start a process":    {func() error { _, err := os.StartProcess("/bin/true", []string{"true"}, &os.ProcAttr{}); return err }, []error{unix.EPERM}},
	"fork":               {call(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0), []error{unix.EPERM}},
	"become root":        {func() error { return syscall.Setuid(0) }, []error{unix.EPERM}},
	"trace the parent":   {func() error { return unix.PtraceAttach(os.Getppid()) }, []error{unix.EPERM}},
	"signal the parent":  {func() error { return unix.Kill(os.Getppid(), 0) }, []error{unix.EPERM}},
	"new user namespace": {func() error { return unix.Unshare(unix.CLONE_NEWUSER) }, []error{unix.EPERM}},
	"chroot":             {func() error { return unix.Chroot("/") }, []error{unix.EPERM}},
	"mount":              {func() error { return unix.Mount("none", "/mnt", "tmpfs", 0, "") }, []error{unix.EPERM}},
	"memory file":        {func() error { _, err := unix.MemfdCreate("x", 0); return err }, []error{unix.EPERM}},
	"io_uring":           {call(unix.SYS_IO_URING_SETUP, 1, 0), []error{unix.EPERM}},
	"bpf":                {call(unix.SYS_BPF, 0, 0), []error{unix.EPERM}},
	"bind":               {call(unix.SYS_BIND, ^uintptr(0), 0), []error{unix.EPERM}},
	"Multipath TCP":      {socket(unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_MPTCP), []error{unix.EPERM}},
	"netlink":            {socket(unix.AF_NETLINK, unix.SOCK_RAW, 0), []error{unix.EPERM}},
	"raw socket":         {socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_TCP), []error{unix.EPERM}},
	"packet socket":      {socket(unix.AF_PACKET, unix.SOCK_RAW, 0), []error{unix.EPERM}},
	"Unix socket":        {socket(unix.AF_UNIX, unix.SOCK_STREAM, 0), []error{unix.EPERM}},
	"executable mapping": {mapExecutable, []error{unix.EPERM}},
	"executable memory":  {makeExecutable, []error{unix.EPERM}},
	"dumpable again":     {func() error { return unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0) }, []error{unix.EPERM}},
	"type on a terminal": {call(unix.SYS_IOCTL, 0, unix.TIOCSTI), []error{unix.EPERM}},
	"another filter":     {call(unix.SYS_SECCOMP, 0, 0), []error{unix.EPERM}},
}

func TestSeccompRefuses(t *testing.T) {
	t.Parallel()
	for what := range forbiddenActs {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			if err := child(t, what); err != nil && !killsByDefault {
				t.Errorf("as in production: %v", err)
			}
			err := child(t, what, killVariable+"=1")
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != unix.SIGSYS {
				t.Errorf("where it kills: the child ended with %v, want SIGSYS", err)
			}
		})
	}
}

func TestTCPNeedsAPort(t *testing.T) {
	t.Parallel()
	if err := child(t, "dial", portVariable+"=443", killVariable+"=1"); err != nil {
		t.Error(err)
	}
	if err := child(t, "udp", portVariable+"=443", killVariable+"=1"); err != nil {
		t.Error(err)
	}
}

func TestSelfCheckInTheSandbox(t *testing.T) {
	t.Parallel()
	for name, env := range map[string][]string{
		"alone":           nil,
		"with a port":     {portVariable + "=443"},
		"where it kills":  {killVariable + "=1"},
		"kills, and port": {killVariable + "=1", portVariable + "=443"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := child(t, "self-check", env...); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestSelfCheckNotices holds it against a process that has no sandbox: everything must be
// complained of.
func TestSelfCheckNotices(t *testing.T) {
	view, err := threads.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = view.Close() }()
	w := Want{UID: os.Getuid(), GID: os.Getgid(), Dropped: true, Options: Options{View: view}, Layers: Layers{Landlock: 1, Seccomp: 1}}
	checks, err := SelfCheck(w)
	if err == nil {
		t.Fatal("a process without a sandbox passes")
	}
	for _, what := range []string{"threads", "execute a program", "list /", "map executable memory", "make a Unix stream socket"} {
		if !strings.Contains(err.Error(), what+": ") {
			t.Errorf("%q is not complained of", what)
		}
	}
	for _, c := range checks {
		if c.Err == nil && c.What != "become root" && os.Geteuid() != 0 {
			t.Errorf("%s: found to be in order", c.What)
		}
	}
}

func TestTheRuntimeLivesInASandboxThatKills(t *testing.T) {
	t.Parallel()
	for _, debug := range []string{"asyncpreemptoff=0", "asyncpreemptoff=1", "decoratemappings=0"} {
		t.Run("GODEBUG="+debug, func(t *testing.T) {
			t.Parallel()
			if err := child(t, "load", killVariable+"=1", "GODEBUG="+debug); err != nil {
				t.Error(err)
			}
		})
	}
}
