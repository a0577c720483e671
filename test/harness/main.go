// Package harness gives the end-to-end tests what they share: it builds the real binaries, starts them, and talks to
// them as browsers, publishers and operators do.
//
// The daemon is built so that the kernel kills it at the first system call that its sandbox does not list: a test that
// needs one fails, where in production the call would. HASSESD_BIN and HASSESCTL_BIN name binaries to test instead.
//
// Each package of end-to-end tests calls Main in its TestMain.
package harness

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/runtimetest"
)

// Role is another program that a test binary can be. Its tests start it again with Variable set.
type Role struct {
	Variable string
	Run      func(value string, args []string) error
}

// Main runs the tests of a package, or the role that the environment asks for, and returns the exit code. Packages run one
// after the other: two at a time would disturb what they measure. With -short no test runs.
func Main(m *testing.M, roles ...Role) int {
	for _, role := range roles {
		if value := os.Getenv(role.Variable); value != "" {
			if err := role.Run(value, os.Args[1:]); err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
			return 0
		}
	}
	flag.Parse()
	if testing.Short() {
		fmt.Println("end-to-end tests do not run with -short")
		return 0
	}
	if flag.Lookup("test.list").Value.String() != "" {
		return m.Run()
	}
	release, err := takeTurn()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer release()
	defer runtimetest.Own()()
	if err := findBinaries(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// takeTurn waits until no other package of this checkout runs its end-to-end tests. The packages agree by a lock on the
// directory of this one.
func takeTurn() (release func(), err error) {
	dir, err := os.Open("../harness")
	if err != nil {
		return nil, err
	}
	for {
		if err = unix.Flock(int(dir.Fd()), unix.LOCK_EX); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		dir.Close()
		return nil, fmt.Errorf("lock %s: %w", dir.Name(), err)
	}
	return func() { dir.Close() }, nil
}
