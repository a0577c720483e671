package privdrop

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/threads"
	"github.com/hassesd/hassesd/internal/threads/threadstest"
)

// The real drop cannot be undone, so each of these tests runs in a child: this binary again, told
// by a variable what to play.
const childVariable = "PRIVDROP_TEST_CHILD"

var children = map[string]func(*threads.View) error{
	"drop":            childDrop,
	"not root":        childNotRoot,
	"other thread":    childOtherThread,
	"numeric unknown": childNumericUnknown,
	"seal":            childSeal,
	"seal root":       childSealRoot,
	"seal ambient":    childSealAmbient,
	"chroot":          childChroot,
}

func TestMain(m *testing.M) {
	if name := os.Getenv(childVariable); name != "" {
		view, err := threads.Open()
		if err == nil {
			err = children[name](view)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestAsRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give up root")
	}
	for name := range children {
		if name == "chroot" && isCgo {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), self)
			cmd.Env = append(os.Environ(), childVariable+"="+name)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

const (
	nobody = 65534
	many   = 32 // threads
)

// childDrop starts with many threads and supplementary groups, as root, and ends with neither
// rights nor a way back.
func childDrop(view *threads.View) error {
	if err := syscall.Setgroups([]int{0, 4, 27}); err != nil {
		return err
	}
	release := threadstest.Hold(many)
	defer release()
	id := Identity{UID: nobody, GID: nobody, Name: "nobody"}
	if err := Drop(view, id); err != nil {
		return err
	}
	all, err := view.Read()
	if err != nil {
		return err
	}
	if len(all) < many {
		return fmt.Errorf("only %d threads, want at least %d", len(all), many)
	}
	for _, th := range all {
		if err := errors.Join(checkIDs(th, id), checkGroups(th), checkCapabilities(th)); err != nil {
			return fmt.Errorf("thread %s: %w", th.ID, err)
		}
		if th.Bounding != 0 {
			return fmt.Errorf("thread %s: its bounding set is %#x", th.ID, th.Bounding)
		}
	}
	// A goroutine on another thread, and one that is new, have no more rights than this one.
	errs := make(chan error)
	for range many {
		go func() {
			runtime.LockOSThread() // never unlocked: the thread ends with its goroutine, so the next one is new
			errs <- wantNoRights()
		}()
	}
	for range many {
		if err := <-errs; err != nil {
			return err
		}
	}
	return Drop(view, id) // once more is no harm: it is what the process is
}

func wantNoRights() error {
	if f, err := os.Open("/etc/shadow"); err == nil {
		f.Close()
		return errors.New("/etc/shadow could be read")
	}
	for name, err := range map[string]error{
		"setuid(0)":       syscall.Setuid(0),
		"setresuid(0)":    syscall.Setresuid(0, 0, 0),
		"setgid(0)":       syscall.Setgid(0),
		"setgroups([0])":  syscall.Setgroups([]int{0}),
		"chown of a file": os.Chown(os.Args[0], 0, 0),
	} {
		if err == nil {
			return fmt.Errorf("%s succeeded after the drop", name)
		}
	}
	return nil
}

// childNotRoot plays a daemon that systemd started without root.
func childNotRoot(view *threads.View) error {
	for _, err := range []error{syscall.Setgroups([]int{4}), syscall.Setresgid(nobody, nobody, nobody), syscall.Setresuid(nobody, nobody, nobody)} {
		if err != nil {
			return err
		}
	}
	if err := Drop(view, Identity{UID: nobody, GID: nobody}); err != nil {
		return fmt.Errorf("become what it is: %w", err)
	}
	for _, id := range []Identity{{UID: 33, GID: nobody}, {UID: nobody, GID: 33}} {
		err := Drop(view, id)
		if err == nil || !strings.Contains(err.Error(), "this process is not root") {
			return fmt.Errorf("become %+v: got %w", id, orSuccess(err))
		}
	}
	return nil
}

func orSuccess(err error) error {
	if err == nil {
		return errors.New("success")
	}
	return err
}

// childOtherThread proves that the verification looks at every thread: one of them goes its own way
// first, by the call that acts on the calling thread alone.
func childOtherThread(view *threads.View) error {
	started, stop, done := make(chan error), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: no other goroutine may get this thread
		started <- unix.Setgroups([]int{4})
		<-stop
	}()
	if err := <-started; err != nil {
		return err
	}
	all, err := view.Read()
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(th threads.Status) bool { return !slices.Equal(th.Groups, all[0].Groups) }) {
		return errors.New("no thread differs, so the verification would prove nothing")
	}
	err = Drop(view, Identity{UID: nobody, GID: nobody})
	close(stop)
	<-done
	return err
}

// childNumericUnknown becomes a user that is in no database.
func childNumericUnknown(view *threads.View) error {
	id, err := Resolve("54321", "54322")
	if err != nil {
		return err
	}
	if err := Drop(view, id); err != nil {
		return err
	}
	return wantNoRights()
}

// childSeal plays the whole: a daemon that gives up root, and then what is left.
func childSeal(view *threads.View) error {
	release := threadstest.Hold(many)
	defer release()
	if err := Drop(view, Identity{UID: nobody, GID: nobody}); err != nil {
		return err
	}
	if err := Seal(view); err != nil {
		return err
	}
	if err := wantSealed(view); err != nil {
		return err
	}
	return Seal(view) // once more is no harm
}

func wantSealed(view *threads.View) error {
	all, err := view.Read()
	if err != nil {
		return err
	}
	for _, th := range all {
		if !th.NoNewPrivs || th.Bounding|th.Permitted|th.Effective|th.Inheritable|th.Ambient != 0 {
			return fmt.Errorf("thread %s is not sealed: %+v", th.ID, th)
		}
	}
	if dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); dumpable != 0 || err != nil {
		return fmt.Errorf("dumpable is %d, %w", dumpable, orSuccess(err))
	}
	var core syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_CORE, &core); err != nil || core.Max != 0 {
		return fmt.Errorf("the core limit is %+v, %w", core, orSuccess(err))
	}
	return nil
}

// childSealRoot plays a daemon that stays root: it keeps the name and nothing else.
func childSealRoot(view *threads.View) error {
	release := threadstest.Hold(many)
	defer release()
	if err := Seal(view); err != nil {
		return err
	}
	if err := wantSealed(view); err != nil {
		return err
	}
	if err := syscall.Setresuid(nobody, nobody, nobody); err == nil {
		return errors.New("it could still become another user")
	}
	return nil
}

// childSealAmbient plays a daemon that systemd started with a capability for binding ports, and
// nothing else.
func childSealAmbient(view *threads.View) error {
	runtime.LockOSThread() // what follows is for this thread
	if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
		return err
	}
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, nobody, nobody, nobody); errno != 0 {
		return errno
	}
	const bind = 1 << unix.CAP_NET_BIND_SERVICE
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := [2]unix.CapUserData{{Effective: bind, Permitted: bind, Inheritable: bind}}
	if err := unix.Capset(&header, &data[0]); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, unix.CAP_NET_BIND_SERVICE, 0, 0); err != nil {
		return err
	}
	all, err := view.Read()
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(th threads.Status) bool { return th.Ambient == bind && th.UIDs[1] == nobody }) {
		return errors.New("no thread has the capability, so this test would prove nothing")
	}
	if err := Seal(view); err != nil {
		return err
	}
	all, err = view.Read()
	if err != nil {
		return err
	}
	for _, th := range all {
		if th.Permitted|th.Effective|th.Inheritable|th.Ambient != 0 {
			return fmt.Errorf("thread %s has capabilities left: %+v", th.ID, th)
		}
	}
	return nil
}

// childChroot reads the threads in a root without /proc.
func childChroot(view *threads.View) error {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		return err
	}
	if err := Chroot(dir); err != nil {
		return err
	}
	if entries, err := os.ReadDir("/"); err != nil || len(entries) > 0 {
		return fmt.Errorf("the root has %d entries, %w", len(entries), orSuccess(err))
	}
	if err := Drop(view, Identity{UID: nobody, GID: nobody}); err != nil {
		return err
	}
	return Seal(view)
}
