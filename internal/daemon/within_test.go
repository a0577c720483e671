package daemon

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		if err := within(time.Second, func() error { return broken }); !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
		disk := make(chan struct{})
		began := time.Now()
		if err := within(time.Second, func() error { <-disk; return nil }); !errors.Is(err, errHangs) || time.Since(began) != time.Second {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
		close(disk)
	})
}

func TestTheWaitForATurnEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turn := newTurn()
		turn.Lock()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if turn.lockUntil(ctx) {
			t.Error("two have it at a time")
		}
		turn.Unlock()
		if !turn.lockUntil(t.Context()) {
			t.Error("nobody has it, and nobody gets it")
		}
		turn.Unlock()
	})
}

// hangingFile puts a pipe without a writer in the place of a file: opening it to read hangs. The
// returned function ends that.
func hangingFile(t *testing.T, path string) (release func()) {
	t.Helper()
	pipe := path + ".pipe"
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(pipe, path); err != nil {
		t.Fatal(err)
	}
	return func() {
		w, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Error(err)
			return
		}
		// Later readers find a file.
		if err := os.WriteFile(pipe, nil, 0o600); err != nil {
			t.Error(err)
		}
		if err := os.Rename(pipe, path); err != nil {
			t.Error(err)
		}
		_ = w.Close()
	}
}

// TestAReloadThatHangsHoldsNothingUp: the disk with the configuration is gone.
func TestAReloadThatHangsHoldsNothingUp(t *testing.T) {
	r := start(t, "[drain]\nwindow = \"0s\"\n")
	release := hangingFile(t, r.file)
	r.daemon.signals.reloads <- syscall.SIGHUP
	r.waitFor("the reload", func() bool { return len(r.daemon.reloading) == 1 })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := r.daemon.reload(ctx); !errors.Is(err, errReloadTurn) {
		t.Errorf("a second reload: %v", err)
	}
	r.send("a", "hello")
	r.stop()
	select {
	case err := <-r.stopped:
		r.stopped <- err
		if err != nil {
			t.Errorf("the end: %v", err)
		}
	case <-time.After(patience):
		t.Error("the daemon goes on")
	}
	release()
	if !r.daemon.reloading.lockUntil(t.Context()) {
		t.Error("the reload does not end")
	}
	if text := r.logged(); strings.Contains(text, "msg=reloaded") {
		t.Error("settings were put in force after the end")
	}
}

// TestAReloadThatHungIsLogged: the disk comes back, and what was read is put in force.
func TestAReloadThatHungIsLogged(t *testing.T) {
	r := start(t, "")
	release := hangingFile(t, r.file)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := r.daemon.reload(ctx); !errors.Is(err, errReloadSlow) {
		t.Errorf("a reload that hangs: %v", err)
	}
	release()
	r.waitFor("the reload", func() bool { return strings.Contains(r.logs.String(), "msg=reloaded") })
	if _, err := r.daemon.reload(t.Context()); err != nil {
		t.Errorf("the next reload: %v", err)
	}
}
