package harness

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// Hassesd and Hassesctl are the paths of the programs under test.
var Hassesd, Hassesctl string

// releaseTags are the build tags of the programs that are released, as in Makefile.
const releaseTags = "urfave_cli_no_docs,nethttpomithttp2"

// GoClients builds the Go subscribers of test/clients, which have a module of their own, and returns their directory.
var GoClients = sync.OnceValues(func() (string, error) { return Build("../clients", "clients", "./gosse", "./launchdarkly") })

func findBinaries() error {
	Hassesd, Hassesctl = os.Getenv("HASSESD_BIN"), os.Getenv("HASSESCTL_BIN")
	if Hassesd != "" && Hassesctl != "" {
		return nil
	}
	name, flags := "daemon", []string{"-tags", "sandboxkill," + releaseTags}
	if coverage() != "" {
		name, flags = "cover", []string{"-tags", releaseTags, "-cover", "-coverpkg=./cmd/...,./internal/..."}
	}
	dir, err := Build("../..", name, append(flags, "./cmd/hassesd", "./cmd/hassesctl")...)
	if err != nil {
		return err
	}
	if Hassesd == "" {
		Hassesd = filepath.Join(dir, "hassesd")
	}
	if Hassesctl == "" {
		Hassesctl = filepath.Join(dir, "hassesctl")
	}
	return nil
}

// RekeyOften builds a daemon that changes the key of a TLS 1.3 connection every three records, and returns its path.
var RekeyOften = sync.OnceValues(func() (string, error) {
	dir, err := Build("../..", "rekey", "-tags", "sandboxkill,rekeyoften,"+releaseTags, "./cmd/hassesd")
	return filepath.Join(dir, "hassesd"), err
})

// coverage returns the directory into which the programs write their coverage data; empty means that coverage is off.
// `make cover` sets it. The daemon then runs without its sandbox, which would forbid that write, unless a test asks for one.
func coverage() string { return os.Getenv("HASSESD_TEST_COVERAGE") }

// SkipInCoverage skips a test that needs the default sandbox, or a daemon that opens no file as it exits.
func SkipInCoverage(t testing.TB) {
	t.Helper()
	if coverage() != "" {
		t.Skip("not while coverage is measured: the daemon has no sandbox, and writes files as it ends")
	}
}

// Build builds programs of the module in a directory into bin/test/<name>, and returns that directory. All packages of
// tests use the same one: the go command links a program only when it has changed.
func Build(module, name string, args ...string) (dir string, err error) {
	dir, err = filepath.Abs(filepath.Join("../../bin/test", name))
	if err != nil {
		return "", err
	}
	cmd := exec.Command("go", append([]string{"build", "-trimpath", "-buildvcs=false", "-o", dir + "/"}, args...)...)
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %v: %w\n%s", args, err, out)
	}
	return dir, nil
}

// seeSources reads the directories of the programs' sources, once. The go command records which files a test opens, and
// repeats a cached result only while none of them has changed. Otherwise it would not know about the sources: no test
// imports them.
var seeSources = sync.OnceValue(func() error {
	for _, tree := range []string{"../../cmd", "../../internal"} {
		err := filepath.WalkDir(tree, func(_ string, _ fs.DirEntry, err error) error { return err })
		if err != nil {
			return err
		}
	}
	for _, file := range []string{"../../go.mod", "../../go.sum"} {
		if _, err := os.Stat(file); err != nil {
			return err
		}
	}
	return nil
})

// noteSources records for the go command what the test depends on.
func noteSources(t testing.TB) {
	t.Helper()
	if err := seeSources(); err != nil {
		t.Fatal(err)
	}
}
