// Package ops tests the life of the daemon on a machine: starts, reloads, restarts, service managers, rights, sandbox and
// state.
package ops

import (
	"os"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

func TestMain(m *testing.M) {
	os.Exit(harness.Main(m,
		harness.Role{Variable: filterVariable, Run: becomeFiltered},
		harness.Role{Variable: withoutCallVariable, Run: runWithoutCall},
	))
}
