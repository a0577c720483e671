package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// allowedPlays must succeed, on every thread.
var allowedPlays = map[string]func(Options, Layers) error{
	"self-check": playSelfCheck,
	"dial":       playConnect,
	"udp":        playUDP,
}

func playSelfCheck(o Options, l Layers) error {
	all, err := o.View.Read()
	if err != nil {
		return err
	}
	for _, s := range all {
		if s.Seccomp != 2 || !s.NoNewPrivs {
			return fmt.Errorf("thread %s is outside", s.ID)
		}
	}
	w := Want{UID: os.Getuid(), GID: os.Getgid(), Options: o, Layers: l}
	if checks := w.attempts(); len(checks) < 2 {
		return fmt.Errorf("only %d attempts", len(checks))
	}
	for _, a := range w.attempts() {
		if err := a.verdict(); err != nil {
			return fmt.Errorf("%s: %w", a.what, err)
		}
	}
	return nil
}

// playConnect is refused by nobody but the machine at the other end, which is this one; other ports
// are Landlock's.
func playConnect(Options, Layers) error {
	if err := connectTCP(443)(); err != nil && !errors.Is(err, unix.ECONNREFUSED) {
		return err
	}
	if err := connectTCP(444)(); !errors.Is(err, unix.EACCES) {
		return fmt.Errorf("another port: got %w", err)
	}
	return nil
}

func playUDP(Options, Layers) error {
	var d net.Dialer
	c, err := d.DialContext(context.Background(), "udp", "127.0.0.1:53")
	if err != nil {
		return err
	}
	return c.Close()
}

// playLoad does all that a Go program does: memory, threads, timers, signals, files.
func playLoad() error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGUSR1)
	defer signal.Stop(signals)
	var work sync.WaitGroup
	errs := make(chan error, 64)
	stop := make(chan struct{})
	for i := range 4 {
		work.Go(func() { spin(stop) })
		work.Go(func() { errs <- writeFiles(i) })
		work.Go(func() {
			runtime.LockOSThread() // never unlocked: a thread ends
			errs <- allocate()
		})
	}
	timer := time.NewTimer(200 * time.Millisecond)
	for range 5 {
		runtime.GC() // stops every spinning goroutine by a signal
		debug.FreeOSMemory()
	}
	if err := unix.Kill(os.Getpid(), unix.SIGUSR1); err != nil {
		return err
	}
	<-timer.C
	close(stop)
	work.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// spin never calls anything, so that only a signal stops it.
func spin(stop <-chan struct{}) {
	for n := 0; ; n++ {
		if n&(1<<20-1) == 0 {
			select {
			case <-stop:
				return
			default:
			}
		}
	}
}

func allocate() error {
	var keep [][]byte
	for range 64 {
		keep = append(keep, bytes.Repeat([]byte{1}, 1<<18))
	}
	if len(keep) != 64 {
		return errors.New("lost memory")
	}
	return nil
}

// writeFiles does what stores do: a file under another name, forced to disk, put in place; read
// again, and removed.
func writeFiles(i int) error {
	dir, err := os.MkdirTemp(inDir("store"), "load")
	if err != nil {
		return err
	}
	name := filepath.Join(dir, fmt.Sprint(i))
	f, err := os.OpenFile(name+".new", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString("state")
	err = errors.Join(err, f.Truncate(3), unix.Flock(int(f.Fd()), unix.LOCK_EX), f.Sync(), f.Chmod(0o640), f.Close(), os.Rename(name+".new", name))
	if err != nil {
		return err
	}
	if text, err := os.ReadFile(name); err != nil || string(text) != "sta" {
		return fmt.Errorf("read %q, %w", text, err)
	}
	if _, err := os.ReadDir(dir); err != nil {
		return err
	}
	return os.RemoveAll(dir)
}
