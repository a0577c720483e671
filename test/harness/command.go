package harness

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// WithoutFlags returns args without the flags and their values.
func WithoutFlags(args []string, flags ...string) []string {
	var rest []string
	for i := 0; i < len(args); i++ {
		isOut := false
		for _, flag := range flags {
			isOut = isOut || args[i] == flag
		}
		if isOut {
			i++
			continue
		}
		rest = append(rest, args[i])
	}
	return rest
}

func ReadFile(t testing.TB, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func WriteFile(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Result is what a finished program left.
type Result struct {
	Code           int
	Stdout, Stderr string
}

func (r Result) String() string {
	return fmt.Sprintf("exit code %d\nstdout:\n%s\nstderr:\n%s", r.Code, r.Stdout, r.Stderr)
}

// Run runs a program, which must end within Patience.
func Run(t testing.TB, stdin, name string, args ...string) Result {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	cmd.Env = Environment()
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(Patience, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	if !timer.Stop() {
		t.Fatalf("%s %q did not end within %s\n%s%s", name, args, Patience, out.String(), errs.String())
	}
	if _, isExit := errors.AsType[*exec.ExitError](err); err != nil && !isExit {
		t.Fatalf("%s: %v", name, err)
	}
	return Result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// Environment returns our environment without the variables that configure the programs under test, and with add.
func Environment(add ...string) []string {
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "HASSES") {
			env = append(env, kv)
		}
	}
	if dir := coverage(); dir != "" {
		env = append(env, "GOCOVERDIR="+dir, "HASSESD_SANDBOX=off")
	}
	return append(env, add...)
}

// Ctl runs hassesctl on the daemon's control socket.
func (d *Daemon) Ctl(args ...string) Result {
	d.T.Helper()
	return Run(d.T, "", Hassesctl, append([]string{"--socket", d.Socket}, args...)...)
}

// Tool returns the path of a program that `make deps` installs.
func Tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is missing: .ci/deps should have installed it", name)
		}
		t.Skipf("%s is missing: run 'make deps'", name)
	}
	return path
}

// SkipUnlessRoot skips a test that only root can set up.
func SkipUnlessRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can give up root")
	}
}
