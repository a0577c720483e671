package test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/subscriber"
)

// daemon is a running hassesd with every door open, in a directory of its own.
type daemon struct {
	t    testing.TB
	dir  string
	ca   *authority
	args []string
	wrap []string // a command line that runs hassesd; empty: none

	env   []string   // variables besides those of every test
	files []*os.File // descriptors from 3 on

	screen, tty *os.File // a terminal that the log goes to on its way into log; nil: none
	stderr      *os.File // what the log goes to instead of log; nil: log

	https  string // addresses
	http   string
	tcp    string
	socket string // paths
	fifo   string
	caFile string

	control *shared

	cmd    *exec.Cmd
	log    *logBuffer
	exited chan struct{} // closed when the process is gone and err is set
	err    error
}

// start runs a daemon with the usual doors and the given flags besides, and waits until it answers. It is stopped at
// the end of the test, when it must end by itself with exit code 0.
func start(t testing.TB, flags ...string) *daemon {
	t.Helper()
	d := prepare(t, flags...)
	d.run()
	return d
}

// in is the same daemon for a subtest.
func (d *daemon) in(t testing.TB) *daemon {
	same := *d
	same.t = t
	return &same
}

// prepare makes the directory, the certificate and the command line, and starts nothing.
func prepare(t testing.TB, flags ...string) *daemon {
	t.Helper()
	d := &daemon{t: t, dir: t.TempDir(), ca: newAuthority(t), control: &shared{}}
	d.ca.issue(t, d.dir)
	d.https, d.http, d.tcp = freeAddress(t), freeAddress(t), freeAddress(t)
	d.socket, d.fifo, d.caFile = d.path("control.sock"), d.path("fifo"), d.path("ca.pem")
	d.args = append([]string{
		"--auth", "none", "--allow-all-rooms", "--path", "/sse",
		"--listen", "https://" + d.https, "--listen", "http://" + d.http, "--plaintext",
		"--cert-file", d.path("cert.pem"), "--key-file", d.path("key.pem"),
		"--control-socket", d.socket, "--control-tcp", d.tcp, "--fifo", d.fifo,
		"--log-level", "debug", "--drain-window", "200ms", "--retry", "200ms",
	}, flags...)
	return d
}

// bare is a prepared daemon that gets exactly the given arguments.
func bare(t testing.TB, args ...string) *daemon {
	t.Helper()
	d := prepare(t)
	d.args = args
	return d
}

// run starts what was prepared and waits until the control socket answers.
func (d *daemon) run() {
	d.t.Helper()
	d.control.hangUp()
	d.launch()
	ready := poll(patience, func() bool {
		select {
		case <-d.exited:
			return true
		default:
			return d.answers()
		}
	})
	select {
	case <-d.exited:
		d.t.Fatalf("hassesd ended at once: %v\n%s", d.err, d.log)
	default:
	}
	if !ready {
		d.t.Fatalf("hassesd did not answer within %s\n%s", patience, d.log)
	}
}

// launch starts the process without waiting for it.
func (d *daemon) launch() {
	d.t.Helper()
	d.log = &logBuffer{}
	d.exited = make(chan struct{})
	line := append(append([]string{}, d.wrap...), d.args...)
	if len(d.wrap) == 0 {
		line = append([]string{hassesd}, d.args...)
	}
	line = ordinaryPriority(line)
	d.cmd = exec.Command(line[0], line[1:]...)
	d.cmd.Dir = d.dir
	d.cmd.Stdout, d.cmd.Stderr = d.log, d.log
	if d.tty != nil {
		d.cmd.Stderr = d.tty
		look(d.screen, d.log)
	}
	if d.stderr != nil {
		d.cmd.Stderr = d.stderr
	}
	d.cmd.Env = environment(d.env...)
	d.cmd.ExtraFiles = d.files
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // no orphans of a test that is killed
	if err := d.cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	cmd, exited, log := d.cmd, d.exited, d.log
	go func() {
		d.err = cmd.Wait()
		close(exited)
	}()
	d.t.Cleanup(func() {
		d.control.hangUp()
		d.end(cmd, exited)
		if d.t.Failed() {
			d.t.Logf("log of hassesd %s:\n%s", strings.Join(cmd.Args[1:], " "), log)
		}
	})
}

// end asks the process to stop, and insists after a while.
func (d *daemon) end(cmd *exec.Cmd, exited chan struct{}) {
	select {
	case <-exited:
		return
	default:
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-exited:
		if d.err != nil {
			d.t.Errorf("hassesd ended with %v after SIGTERM, want exit code 0", d.err)
		}
	case <-time.After(patience):
		_ = cmd.Process.Signal(syscall.SIGQUIT) // the runtime writes where each goroutine stands
		select {
		case <-exited:
		case <-time.After(5 * time.Second):
			_ = cmd.Process.Kill()
			<-exited
		}
		d.t.Errorf("hassesd did not end within %s of SIGTERM", patience)
	}
}

// signal sends sig to the process.
func (d *daemon) signal(sig os.Signal) {
	d.t.Helper()
	if err := d.cmd.Process.Signal(sig); err != nil {
		d.t.Fatal(err)
	}
}

// wait returns the exit code, which must come within the limit.
func (d *daemon) wait(limit time.Duration) int {
	d.t.Helper()
	select {
	case <-d.exited:
		return d.cmd.ProcessState.ExitCode()
	case <-time.After(limit):
		d.t.Fatalf("hassesd is still there after %s", limit)
		return -1
	}
}

func (d *daemon) path(name string) string { return filepath.Join(d.dir, name) }

// url is where a browser would subscribe.
func (d *daemon) url(query string) string { return "https://" + d.https + "/sse?" + query }

// request is a subscription over TLS, to be changed by the test.
func (d *daemon) request(query string) subscriber.Request {
	return subscriber.Request{Addr: d.https, TLS: d.ca.client(), Target: "/sse?" + query, Wait: patience}
}

// plain is the same without TLS.
func (d *daemon) plain(query string) subscriber.Request {
	return subscriber.Request{Addr: d.http, Target: "/sse?" + query, Wait: patience}
}

// open opens what must be a stream and reads its first frame.
func (d *daemon) open(r subscriber.Request) *subscriber.Stream {
	d.t.Helper()
	s, err := subscriber.Open(d.t.Context(), r)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { s.Close() })
	if s.Status != 200 {
		d.t.Fatalf("%.100s: status %d, want 200", r.Target, s.Status)
	}
	if _, err := s.Preface(); err != nil {
		d.t.Fatal(err)
	}
	return s
}

// subscribe opens a TLS stream on the query.
func (d *daemon) subscribe(query string) *subscriber.Stream {
	d.t.Helper()
	return d.open(d.request(query))
}

// next reads one event and compares name and data.
func next(t testing.TB, s *subscriber.Stream, name, data string) subscriber.Event {
	t.Helper()
	e, err := s.Next()
	if err != nil {
		t.Fatalf("want event %q %q, got error: %v", name, data, err)
	}
	if e.Name != name || e.Data != data {
		t.Fatalf("event %q %q, want %q %q", e.Name, e.Data, name, data)
	}
	return e
}

// message reads one unnamed event.
func message(t testing.TB, s *subscriber.Stream, data string) subscriber.Event {
	t.Helper()
	return next(t, s, "message", data)
}

// result of a program that was run to its end.
type result struct {
	code           int
	stdout, stderr string
}

func (r result) String() string {
	return fmt.Sprintf("exit code %d\nstdout:\n%s\nstderr:\n%s", r.code, r.stdout, r.stderr)
}

// command runs a program to its end, which must come within patience.
func command(t testing.TB, stdin, name string, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	cmd.Env = environment()
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	if !timer.Stop() {
		t.Fatalf("%s %q did not end within %s\n%s%s", name, args, patience, out.String(), errs.String())
	}
	if _, isExit := errors.AsType[*exec.ExitError](err); err != nil && !isExit {
		t.Fatalf("%s: %v", name, err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// environment is ours without what would change the programs under test.
func environment(add ...string) []string {
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "HASSES") {
			env = append(env, kv)
		}
	}
	return append(env, add...)
}

// lastPort is below the range from which the kernel takes ports for outgoing connections, so nobody takes one by chance.
var lastPort atomic.Uint32

// freeAddress returns an address that nobody listens on. Other runs of these tests on the same machine leave it alone
// until the test ends: whoever starts a server with it needs a while.
func freeAddress(t testing.TB) string {
	t.Helper()
	lastPort.CompareAndSwap(0, uint32(12000+os.Getpid()%160*100))
	for range 2000 {
		port := 12000 + lastPort.Add(1)%20000
		claim, err := net.Listen("unix", fmt.Sprintf("@hassesd-test-port-%d", port)) // abstract: it goes with the process
		if err != nil {
			continue
		}
		address := fmt.Sprintf("127.0.0.1:%d", port)
		if isFree(address) {
			t.Cleanup(func() { claim.Close() })
			return address
		}
		claim.Close()
	}
	t.Fatal("no free port")
	return ""
}

// isFree says whether the address can be listened on, by TCP and, as DNS servers do, by UDP.
func isFree(address string) bool {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return false
	}
	defer l.Close()
	p, err := net.ListenPacket("udp", address)
	if err != nil {
		return false
	}
	p.Close()
	return true
}

// logBuffer collects what a process writes.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// maxLog is how much of a log is worth showing.
const maxLog = 20000

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if over := l.buf.Len() - maxLog; over > 0 {
		return fmt.Sprintf("[%d bytes before]\n%s", over, l.buf.Bytes()[over:])
	}
	return l.buf.String()
}

// whole is everything written so far.
func (l *logBuffer) whole() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// says waits until s has been written: what a process writes comes through a pipe, later than what it answers.
func (l *logBuffer) says(s string) bool { return poll(patience, func() bool { return l.contains(s) }) }

// contains looks through everything written so far. For what must be there, says is the word.
func (l *logBuffer) contains(s string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Contains(l.buf.Bytes(), []byte(s))
}
