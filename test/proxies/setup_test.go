package proxies

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/harness"
)

// Time runs scale times as fast as in the examples, so that ten minutes of silence take half a minute here: all time-outs of a
// minute are shortened, and so is the heartbeat.
const (
	scale     = 20
	minute    = time.Minute / scale
	heartbeat = 15 * time.Second / scale
	silence   = 10 * time.Minute / scale
)

// setup is one proxy in front of one daemon, both with their files of examples/proxies, changed for a test.
type setup struct {
	*harness.Daemon
	t       *testing.T
	example string    // its directory
	public  string    // where browsers connect to
	private string    // where the daemon listens: an address, or the path of a Unix socket
	change  []replace // of hassesd.toml
	older   bool      // send PROXY headers of version 1

	cmd *exec.Cmd
	log harness.Log
}

// newSetup prepares both. Nothing runs yet.
func newSetup(t *testing.T, name string) *setup {
	t.Helper()
	s := &setup{Daemon: harness.Prepare(t), t: t, example: filepath.Join("..", "..", "examples", "proxies", name)}
	s.public, s.private = harness.FreeAddress(t), harness.FreeAddress(t)
	for _, dir := range []string{s.Dir, filepath.Dir(s.Dir)} { // workers of a proxy that root has started are others
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.Args = []string{
		"--config", s.Path("hassesd.toml"), "--allow-all-rooms", "--control-socket", s.Socket,
		"--log-level", "debug", "--drain-window", "200ms", "--retry", "200ms",
	}
	return s
}

// replace is a text of an example and what stands for it in a test.
type replace struct{ old, with string }

// copyExample writes a file of the example with changes into the test's directory, and returns its path. The example must have
// each of the texts.
func (s *setup) copyExample(name string, changes ...replace) string {
	s.t.Helper()
	text := harness.ReadFile(s.t, filepath.Join(s.example, name))
	for _, c := range changes {
		if !bytes.Contains(text, []byte(c.old)) {
			s.t.Fatalf("%s of %s has no %q", name, s.example, c.old)
		}
		text = bytes.ReplaceAll(text, []byte(c.old), []byte(c.with))
	}
	harness.WriteFile(s.t, s.Path(name), text)
	return s.Path(name)
}

// configure writes the daemon's configuration with the heartbeat.
func (s *setup) configure(interval time.Duration) {
	s.t.Helper()
	path := s.copyExample("hassesd.toml", s.change...)
	text := harness.ReadFile(s.t, path)
	harness.WriteFile(s.t, path, append(text, "\n[heartbeat]\ninterval = \""+interval.String()+"\"\n"...))
}

// launch starts the proxy and waits until it accepts connections.
func (s *setup) launch(name string, args ...string) {
	s.t.Helper()
	line := harness.OrdinaryPriority(append([]string{harness.Tool(s.t, name)}, args...))
	s.cmd = exec.Command(line[0], line[1:]...)
	s.cmd.Dir = s.Dir
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	s.cmd.Env = harness.Environment("HOME="+s.Dir, "XDG_DATA_HOME="+s.Dir, "XDG_CONFIG_HOME="+s.Dir)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() { _ = s.cmd.Wait(); close(exited) }()
	s.t.Cleanup(func() {
		_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGTERM)
		select {
		case <-exited:
		case <-time.After(5 * time.Second):
		}
		_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL) // what its first process has left
		<-exited
		if s.t.Failed() {
			s.t.Logf("log of %s:\n%s", strings.Join(args, " "), &s.log)
		}
	})
	harness.Eventually(s.t, name+" accepts connections", func() bool {
		select {
		case <-exited:
			s.t.Fatalf("%s ended at once:\n%s", name, &s.log)
		default:
		}
		conn, err := net.Dial("tcp", s.public)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

// signal sends a signal to the first process of the proxy.
func (s *setup) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// run runs a command that the proxy has for its operators.
func (s *setup) run(name string, args ...string) {
	s.t.Helper()
	if r := harness.Run(s.t, "", harness.Tool(s.t, name), args...); r.Code != 0 {
		s.t.Fatalf("%s %q: %s", name, args, r)
	}
}

// bothPEM writes the chain and its key into one file, as HAProxy has them.
func (s *setup) bothPEM() string {
	s.t.Helper()
	chain, err := os.ReadFile(s.Path("cert.pem"))
	key, errKey := os.ReadFile(s.Path("key.pem"))
	if err := errors.Join(err, errKey); err != nil {
		s.t.Fatal(err)
	}
	harness.WriteFile(s.t, s.Path("both.pem"), append(chain, key...))
	return s.Path("both.pem")
}
