package privdrop

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// The real drop cannot be undone, so each of these tests runs in a child: this binary again, told by
// a variable what to play.
const childVariable = "PRIVDROP_TEST_CHILD"

var children = map[string]func() error{
	"drop":            childDrop,
	"not root":        childNotRoot,
	"other thread":    childOtherThread,
	"numeric unknown": childNumericUnknown,
}

func TestMain(m *testing.M) {
	if name := os.Getenv(childVariable); name != "" {
		if err := children[name](); err != nil {
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
	nobody  = 65534
	threads = 32
)

// holdThreads keeps n threads busy with a goroutine each until release is called.
func holdThreads(n int) (release func()) {
	var ready, done sync.WaitGroup
	stop := make(chan struct{})
	for range n {
		ready.Add(1)
		done.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			ready.Done()
			<-stop
		})
	}
	ready.Wait()
	return func() {
		close(stop)
		done.Wait()
	}
}

// childDrop starts with many threads and supplementary groups, as root, and ends with neither rights nor a
// way back.
func childDrop() error {
	if err := syscall.Setgroups([]int{0, 4, 27}); err != nil {
		return err
	}
	release := holdThreads(threads)
	defer release()
	id := Identity{UID: nobody, GID: nobody, Name: "nobody"}
	if err := Drop(id); err != nil {
		return err
	}
	all, err := readThreads()
	if err != nil {
		return err
	}
	if len(all) < threads {
		return fmt.Errorf("only %d threads, want at least %d", len(all), threads)
	}
	want := threadOf("", nobody, nobody)
	for _, th := range all {
		if err := th.checkAll(want); err != nil {
			return fmt.Errorf("thread %s: %w", th.id, err)
		}
	}
	// A goroutine on another thread, and one that is new, have no more rights than this one.
	errs := make(chan error)
	for range threads {
		go func() {
			runtime.LockOSThread() // never unlocked: the thread ends with its goroutine, so the next one is new
			errs <- wantNoRights()
		}()
	}
	for range threads {
		if err := <-errs; err != nil {
			return err
		}
	}
	return Drop(id) // once more is no harm: it is what the process is
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
func childNotRoot() error {
	for _, err := range []error{syscall.Setgroups([]int{4}), syscall.Setresgid(nobody, nobody, nobody), syscall.Setresuid(nobody, nobody, nobody)} {
		if err != nil {
			return err
		}
	}
	if err := Drop(Identity{UID: nobody, GID: nobody}); err != nil {
		return fmt.Errorf("become what it is: %w", err)
	}
	for _, id := range []Identity{{UID: 33, GID: nobody}, {UID: nobody, GID: 33}} {
		err := Drop(id)
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
func childOtherThread() error {
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
	all, err := readThreads()
	if err != nil {
		return err
	}
	want, odd := threadOf("", 0, 0), 0
	for _, th := range all {
		want.groups, want.effective, want.permitted = all[0].groups, all[0].effective, all[0].permitted
		if th.checkAll(want) != nil {
			odd++
		}
	}
	if odd == 0 {
		return errors.New("no thread differs, so the verification would prove nothing")
	}
	err = Drop(Identity{UID: nobody, GID: nobody})
	close(stop)
	<-done
	return err
}

// childNumericUnknown becomes a user that is in no database.
func childNumericUnknown() error {
	id, err := Resolve("54321", "54322")
	if err != nil {
		return err
	}
	if err := Drop(id); err != nil {
		return err
	}
	return wantNoRights()
}
