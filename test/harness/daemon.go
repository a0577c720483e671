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

// Daemon is a running hassesd with every listener open, in a directory of its own.
type Daemon struct {
	T    testing.TB
	Dir  string
	CA   *Authority
	Args []string
	Wrap []string // command line that runs hassesd, with its path; empty: none

	Env   []string   // additional variables
	Files []*os.File // descriptors from 3 on

	Begin func(cmd *exec.Cmd) error // starts the process; nil: it is just started

	Screen, TTY *os.File // a terminal that the log goes through on its way to Log; nil: none
	Stderr      *os.File // where the log goes instead of Log; nil: Log

	HTTPS  string // addresses
	HTTP   string
	TCP    string
	Socket string // paths
	FIFO   string
	CaFile string

	Control *Shared

	Cmd    *exec.Cmd
	Log    *Log
	Exited chan struct{} // closed when the process has ended and Err is set
	Err    error
}

// Start starts a daemon with all listeners and the given additional flags, and waits until it answers. At the end of the
// test the daemon gets SIGTERM and must exit with code 0.
func Start(t testing.TB, flags ...string) *Daemon {
	t.Helper()
	d := Prepare(t, flags...)
	d.Run()
	return d
}

// In returns the same daemon for a subtest.
func (d *Daemon) In(t testing.TB) *Daemon {
	same := *d
	same.T = t
	return &same
}

// Prepare creates the directory, the certificate and the command line. It does not start the daemon.
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

// Bare prepares a daemon that gets exactly the given arguments.
func Bare(t testing.TB, args ...string) *Daemon {
	t.Helper()
	d := Prepare(t)
	d.Args = args
	return d
}

// Run starts a prepared daemon and waits until its control socket answers.
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
	d.Cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // a killed test leaves no orphans
	begin := d.Begin
	if begin == nil {
		begin = (*exec.Cmd).Start
	}
	if err := begin(d.Cmd); err != nil {
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

// End stops the process with SIGTERM; after Patience it fails the test and kills the process.
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
		_ = cmd.Process.Signal(syscall.SIGQUIT) // the runtime prints all goroutines
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

// Wait waits for the process to end, which it must within limit, and returns its exit code.
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

// Stop sends SIGTERM and waits for the process to end, which it must with exit code 0.
func (d *Daemon) Stop() {
	d.T.Helper()
	d.Signal(syscall.SIGTERM)
	if code := d.Wait(Patience); code != 0 {
		d.T.Fatalf("exit code %d after SIGTERM, want 0", code)
	}
}

func (d *Daemon) Path(name string) string { return filepath.Join(d.Dir, name) }
