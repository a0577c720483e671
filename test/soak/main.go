// Soak holds a load of churn, publishing and slow readers on hassesd for a long time, and sees whether anything grows:
// resident memory, descriptors and threads while it lasts, and descriptors and goroutines when everybody has left.
// `make soak` builds what it needs and runs it. The exit code is 1 when something grew, or a message was lost.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	bin := flag.String("bin", "bin", "directory of hassesd and hassesctl")
	length := flag.Duration("for", 30*time.Minute, "how long the load is held")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM)
	defer stop()
	if err := run(ctx, *bin, *length); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

const (
	// startTime is how long the daemon may take to answer, to end, and to be rid of clients that have left.
	startTime = 30 * time.Second

	// slowRound is one run of slow readers; the daemon ends them, and new ones come.
	slowRound = 20 * time.Second

	// samples is how many looks are taken at the daemon, however long it lasts.
	samples = 120
)

func run(ctx context.Context, bin string, length time.Duration) error {
	fresh, err := launch(bin)
	if err != nil {
		return err
	}
	before := fresh.look()
	goroutinesBefore, err := fresh.quit()
	if err != nil {
		return err
	}
	d, err := launch(bin)
	if err != nil {
		return err
	}
	defer d.kill()
	fmt.Printf("holding the load for %s\n", length)
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	var faults faultList
	var load sync.WaitGroup
	load.Go(func() {
		faults.add(d.bench("--scenario", "churn", "--streams", "400", "--rooms", "20", "--rate", "50", "--churn-rate", "40", "--duration", length.String()))
	})
	load.Go(func() {
		for round := min(slowRound, length/2); ctx.Err() == nil; {
			faults.add(d.bench("--scenario", "slow", "--streams", "100", "--size", "8000", "--rate", "50", "--slow-share", "30", "--duration", round.String()))
		}
	})
	series := d.watch(ctx, length/samples)
	load.Wait()

	// Half of it is for pools and history to fill.
	late := series[len(series)/2:]
	g := judge(late, &faults)
	after := d.left(before.files)
	goroutines, err := d.quit()
	if err != nil {
		return err
	}
	fmt.Printf("%-14s %12s %12s %14s\n", "", "FIRST", "LAST", "GROWTH")
	fmt.Printf("%-14s %12d %12d %14.0f of the trend, noise %.0f\n", "resident KiB", late[0].rss>>10, late[len(late)-1].rss>>10, g.rss/1024, g.noise/1024)
	fmt.Printf("%-14s %12d %12d %14.1f\n", "descriptors", late[0].files, late[len(late)-1].files, g.files)
	fmt.Printf("%-14s %12d %12d %14.1f\n", "threads", late[0].threads, late[len(late)-1].threads, g.threads)
	fmt.Printf("%-14s %12d %12d   when everybody has left\n", "descriptors", before.files, after.files)
	fmt.Printf("%-14s %12d %12d   when everybody has left\n", "goroutines", goroutinesBefore, goroutines)
	if after.files > before.files {
		faults.add(fmt.Errorf("%d descriptors are left, %d were there at the start", after.files, before.files))
	}
	if goroutines > goroutinesBefore+spareGoroutines {
		faults.add(fmt.Errorf("%d goroutines are left, %d were there at the start", goroutines, goroutinesBefore))
	}
	return faults.err()
}

// spareGoroutines are those of the runtime that start at their first use.
const spareGoroutines = 4

// faultList is what went wrong, from several goroutines.
type faultList struct {
	mu  sync.Mutex
	all []error
}

func (f *faultList) add(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.all = append(f.all, err)
	}
}

func (f *faultList) err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return errors.Join(f.all...)
}

// daemon is a running hassesd.
type daemon struct {
	bin   string
	dir   string
	cmd   *exec.Cmd
	log   bytes.Buffer
	ended chan struct{}
}

// launch starts a daemon and waits until it answers.
func launch(bin string) (*daemon, error) {
	dir, err := os.MkdirTemp("", "hassesd-soak-")
	if err != nil {
		return nil, err
	}
	d := &daemon{bin: bin, dir: dir, ended: make(chan struct{})}
	d.cmd = exec.Command(filepath.Join(bin, "hassesd"), "--dev", "--listen", "https://127.0.0.1:18444", "--control-socket", d.socket(),
		"--control-tcp", "127.0.0.1:0", "--api-listen", "", "--fifo", filepath.Join(dir, "fifo"), // not those of a daemon that make run has started
		// A history that is full soon, so that what grows later grows for another reason.
		"--log-level", "quiet", "--history-bytes", "4MiB", "--drain-window", "0")
	d.cmd.Stdout, d.cmd.Stderr = &d.log, &d.log
	d.cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	if err := d.cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	go func() {
		_ = d.cmd.Wait() // how it ends is told by its log
		close(d.ended)
	}()
	for deadline := time.Now().Add(startTime); d.ctl("count") != nil; {
		select {
		case <-d.ended:
			return nil, fmt.Errorf("hassesd ended at once: %s", d.log.String())
		case <-time.After(100 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			d.kill()
			return nil, errors.New("hassesd does not answer")
		}
	}
	return d, nil
}

func (d *daemon) socket() string { return filepath.Join(d.dir, "control.sock") }

func (d *daemon) ctl(args ...string) error {
	cmd := exec.Command(filepath.Join(d.bin, "hassesctl"), append([]string{"--socket", d.socket()}, args...)...)
	cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("hassesctl %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}

func (d *daemon) bench(args ...string) error { return d.ctl(append([]string{"bench"}, args...)...) }

// left waits until the daemon is rid of its clients, and looks at it.
func (d *daemon) left(files int) sample {
	for deadline := time.Now().Add(startTime); ; {
		s := d.look()
		if s.files <= files || time.Now().After(deadline) {
			return s
		}
		<-time.After(100 * time.Millisecond)
	}
}

// quit has the runtime list its goroutines, which is the last thing that the daemon does, and counts them.
func (d *daemon) quit() (goroutines int, err error) {
	defer os.RemoveAll(d.dir) //nolint:errcheck // a temporary directory
	if err := d.cmd.Process.Signal(unix.SIGQUIT); err != nil {
		return 0, err
	}
	select {
	case <-d.ended:
	case <-time.After(startTime):
		d.kill()
		return 0, errors.New("hassesd does not end")
	}
	goroutines = bytes.Count(d.log.Bytes(), []byte("\ngoroutine "))
	if goroutines == 0 {
		return 0, fmt.Errorf("no goroutines in the log of hassesd: %.2000s", d.log.Bytes())
	}
	return goroutines, nil
}

func (d *daemon) kill() {
	_ = d.cmd.Process.Kill()
	<-d.ended
	_ = os.RemoveAll(d.dir)
}
