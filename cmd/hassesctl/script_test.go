package main

import (
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/hassesd/hassesd/internal/runtimetest"
)

var update = flag.Bool("update", false, "write what the commands print into the scripts and golden files")

func TestMain(m *testing.M) {
	testscript.Main(inOwnRuntimeDirectory{m}, map[string]func(){
		"hassesctl": func() {
			os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ()))
		},
	})
}

// inOwnRuntimeDirectory runs the tests, not the commands, with a runtime directory that is not the
// developer's.
type inOwnRuntimeDirectory struct{ *testing.M }

func (m inOwnRuntimeDirectory) Run() int {
	defer runtimetest.Own()()
	return m.M.Run()
}

// TestScripts runs hassesctl against a scripted daemon. A script's files say what the daemon
// answers, see [fakeDaemon], and what its streams carry, see [fakeStreams]; both write down what
// they were asked.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           filepath.Join("testdata", "script"),
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			if err := os.MkdirAll(filepath.Join(env.WorkDir, "daemon"), 0o755); err != nil {
				return err
			}
			streams := startStreams(env.WorkDir)
			env.Defer(streams.Close)
			daemon, err := startDaemon(env.WorkDir, streams)
			if err != nil {
				return err
			}
			env.Defer(daemon.Close)
			env.Setenv("HASSESCTL_SOCKET", "control.sock")
			silent, err := net.Listen("tcp", "127.0.0.1:0") // the kernel accepts, nobody answers
			if err != nil {
				return err
			}
			env.Defer(func() { silent.Close() })
			env.Setenv("SILENT", silent.Addr().String())
			env.Setenv("STREAMS", streams.URL)
			env.Setenv("XDG_RUNTIME_DIR", filepath.Join(env.WorkDir, "runtime"))
			env.Setenv("TERM", "xterm")
			env.Setenv("HASSESCTL_TIMEOUT", "30s")    // for machines under load
			env.Setenv("GORACE", "atexit_sleep_ms=0") // or each process takes a second to end
			return nil
		},
		Condition: func(cond string) (bool, error) {
			if path, ok := strings.CutPrefix(cond, "exists:"); ok {
				return exists(path), nil
			}
			return false, fmt.Errorf("unknown condition %s", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":   exits,
			"waitfor": waitFor,
		},
	})
}

// exits CODE COMMAND... runs a command that must end with this exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	// The shell knows the code that testscript only calls a failure.
	script := `"$@"; code=$?; echo $code >exit-code`
	ts.Check(ts.Exec("sh", append([]string{"-c", script, "sh"}, args[1:]...)...))
	if got := ts.ReadFile("exit-code"); got != args[0]+"\n" {
		ts.Fatalf("exit code %q, want %s", got, args[0])
	}
}

// waitFor FILE PATTERN waits until the file has the pattern.
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: waitfor FILE PATTERN")
	}
	want := regexp.MustCompile(args[1])
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for {
		text, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && want.Match(text) {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			ts.Fatalf("%s does not have %s, but: %s", args[0], args[1], text)
		}
	}
}
