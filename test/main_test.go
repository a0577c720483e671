// Package test holds the end-to-end tests: they start the real binaries and talk to them as the world does.
//
// The daemon is built so that the kernel kills it at the first system call that its sandbox does not list: a test that
// needs one fails, where in production the call would. HASSESD_BIN and HASSESCTL_BIN name binaries to test instead of
// freshly built ones. With -short nothing is run.
package test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/hassesd/hassesd/internal/runtimetest"
)

// The programs under test.
var hassesd, hassesctl string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if numbers := os.Getenv(filterVariable); numbers != "" {
		fmt.Fprintln(os.Stderr, becomeFiltered(numbers, os.Args[1:]))
		return 1
	}
	if call := os.Getenv(withoutCallVariable); call != "" {
		fmt.Fprintln(os.Stderr, runWithoutCall(call, os.Args[1:]))
		return 1
	}
	if os.Getenv(freezerVariable) != "" {
		fmt.Fprintln(os.Stderr, becomeFreezable(os.Args[1:]))
		return 1
	}
	if task := os.Getenv(herdVariable); task != "" {
		if err := becomeHerd(task, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	}
	flag.Parse()
	if testing.Short() {
		fmt.Println("end-to-end tests do not run with -short")
		return 0
	}
	dir, err := os.MkdirTemp("", "hassesd-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	scratch = dir
	defer runtimetest.Own()()
	hassesd, hassesctl = os.Getenv("HASSESD_BIN"), os.Getenv("HASSESCTL_BIN")
	if hassesd == "" || hassesctl == "" {
		if err := build("..", filepath.Join(dir, "bin")+"/", "-tags", "sandboxkill", "./cmd/hassesd", "./cmd/hassesctl"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	if hassesd == "" {
		hassesd = filepath.Join(dir, "bin", "hassesd")
	}
	if hassesctl == "" {
		hassesctl = filepath.Join(dir, "bin", "hassesctl")
	}
	code := m.Run()
	figures.print(os.Stdout)
	return code
}

// scratch is the directory of what all tests share; it goes when they end.
var scratch string

// goClients builds the Go subscribers of test/clients, which have a module of their own, and returns their directory.
var goClients = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(scratch, "clients")
	return dir, build("clients", dir+"/", "./gosse", "./launchdarkly")
})

func build(dir, output string, packages ...string) error {
	cmd := exec.Command("go", append([]string{"build", "-trimpath", "-buildvcs=false", "-o", output}, packages...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %v: %w\n%s", packages, err, out)
	}
	return nil
}

// tool returns the path of a program that `make deps` installs.
func tool(t testing.TB, name string) string {
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
