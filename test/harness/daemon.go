package harness

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Daemon is a running hassesd with every door open, in a directory of its own.
type Daemon struct {
	T    testing.TB
	Dir  string
	CA   *authority
	Args []string
	Wrap []string // a command line that runs hassesd; empty: none

	Env   []string   // variables besides those of every test
	Files []*os.File // descriptors from 3 on

	Screen, TTY *os.File // a terminal that the log goes to on its way into log; nil: none
	Stderr      *os.File // what the log goes to instead of log; nil: log

	HTTPS  string // addresses
	HTTP   string
	TCP    string
	Socket string // paths
	FIFO   string
	CaFile string

	Control *Shared

	Cmd    *exec.Cmd
	Log    *Log
	Exited chan struct{} // closed when the process is gone and err is set
	Err    error
}

// Start runs a daemon with the usual doors and the given flags besides, and waits until it answers. It is stopped at
// the end of the test, when it must end by itself with exit code 0.
func Start(t testing.TB, flags ...string) *Daemon {
	t.Helper()
	d := Prepare(t, flags...)
	d.Run()
	return d
}

// In is the same daemon for a subtest.
func (d *Daemon) In(t testing.TB) *Daemon {
	same := *d
	same.T = t
	return &same
}

// Prepare makes the directory, the certificate and the command line, and starts nothing.
func Prepare(t testing.TB, flags ...string) *Daemon {
	t.Helper()
	noteSources(t)
	d := &Daemon{T: t, Dir: t.TempDir(), CA: NewAuthority(t), Control: &Shared{}}
	d.CA.Issue(t, d.Dir)
	d.HTTPS, d.HTTP, d.TCP = FreeAddress(t), FreeAddress(t), FreeAddress(t)
	d.Socket, d.FIFO, d.CaFile = d.Path("control.sock"), d.Path("fifo"), d.Path("ca.pem")
	d.Args = append([]string{
		"--auth", "none", "--allow-all-rooms", "--path", "/sse",
		"--listen", "https://" + d.HTTPS, "--listen", "http://" + d.HTTP, "--plaintext",
		"--cert-file", d.Path("cert.pem"), "--key-file", d.Path("key.pem"),
		"--control-socket", d.Socket, "--control-tcp", d.TCP, "--fifo", d.FIFO,
		"--log-level", "debug", "--drain-window", "200ms", "--retry", "200ms",
	}, flags...)
	return d
}

// Bare is a prepared daemon that gets exactly the given arguments.
func Bare(t testing.TB, args ...string) *Daemon {
	t.Helper()
	d := Prepare(t)
	d.Args = args
	return d
}

// Run starts what was prepared and waits until the control socket answers.
func (d *Daemon) Run() {
	d.T.Helper()
	d.Control.hangUp()
	d.Launch()
	ready := Poll(Patience, func() bool {
		select {
		case <-d.Exited:
			return true
		default:
			return d.Answers()
		}
	})
	select {
	case <-d.Exited:
		d.T.Fatalf("hassesd ended at once: %v\n%s", d.Err, d.Log)
	default:
	}
	if !ready {
		d.T.Fatalf("hassesd did not answer within %s\n%s", Patience, d.Log)
	}
}

// Launch starts the process without waiting for it.
func (d *Daemon) Launch() {
	d.T.Helper()
	d.Log = &Log{}
	d.Exited = make(chan struct{})
	line := append(append([]string{}, d.Wrap...), d.Args...)
	if len(d.Wrap) == 0 {
		line = append([]string{Hassesd}, d.Args...)
	}
	line = OrdinaryPriority(line)
	d.Cmd = exec.Command(line[0], line[1:]...)
	d.Cmd.Dir = d.Dir
	d.Cmd.Stdout, d.Cmd.Stderr = d.Log, d.Log
	if d.TTY != nil {
		d.Cmd.Stderr = d.TTY
		Look(d.Screen, d.Log)
	}
	if d.Stderr != nil {
		d.Cmd.Stderr = d.Stderr
	}
	d.Cmd.Env = Environment(d.Env...)
	d.Cmd.ExtraFiles = d.Files
	d.Cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // no orphans of a test that is killed
	if err := d.Cmd.Start(); err != nil {
		d.T.Fatal(err)
	}
	cmd, exited, log := d.Cmd, d.Exited, d.Log
	go func() {
		d.Err = cmd.Wait()
		close(exited)
	}()
	d.T.Cleanup(func() {
		d.Control.hangUp()
		d.End(cmd, exited)
		if d.T.Failed() {
			d.T.Logf("log of hassesd %s:\n%s", strings.Join(cmd.Args[1:], " "), log)
		}
	})
}

// End asks the process to stop, and insists after a while.
func (d *Daemon) End(cmd *exec.Cmd, exited chan struct{}) {
	select {
	case <-exited:
		return
	default:
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-exited:
		if d.Err != nil {
			d.T.Errorf("hassesd ended with %v after SIGTERM, want exit code 0", d.Err)
		}
	case <-time.After(Patience):
		_ = cmd.Process.Signal(syscall.SIGQUIT) // the runtime writes where each goroutine stands
		select {
		case <-exited:
		case <-time.After(5 * time.Second):
			_ = cmd.Process.Kill()
			<-exited
		}
		d.T.Errorf("hassesd did not end within %s of SIGTERM", Patience)
	}
}

// Signal sends sig to the process.
func (d *Daemon) Signal(sig os.Signal) {
	d.T.Helper()
	if err := d.Cmd.Process.Signal(sig); err != nil {
		d.T.Fatal(err)
	}
}

// Wait returns the exit code, which must come within the limit.
func (d *Daemon) Wait(limit time.Duration) int {
	d.T.Helper()
	select {
	case <-d.Exited:
		return d.Cmd.ProcessState.ExitCode()
	case <-time.After(limit):
		d.T.Fatalf("hassesd is still there after %s", limit)
		return -1
	}
}

func (d *Daemon) Path(name string) string { return filepath.Join(d.Dir, name) }
