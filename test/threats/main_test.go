// Package threats attacks the daemon, threat by threat as docs/security.md numbers them.
//
// In each test named TestT1... a real attacker works on a real daemon while good streams receive. None of them may lose
// anything. The tests print how much later events arrive meanwhile, but do not judge it: it depends on the machine.
// `make threats` runs them one by one, with 1,000 good streams.
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
