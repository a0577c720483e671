// Package threats attacks the daemon, threat by threat as docs/security.md numbers them.
package threats

import (
	"os"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

func TestMain(m *testing.M) {
	code := harness.Main(m,
		harness.Role{Variable: freezerVariable, Run: func(_ string, args []string) error { return becomeFreezable(args) }},
		harness.Role{Variable: goodStreamsVariable, Run: func(task string, _ []string) error {
			return becomeGoodStreams(task, os.Stdin, os.Stdout)
		}},
	)
	figures.print(os.Stdout)
	os.Exit(code)
}
