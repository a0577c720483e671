// Package cluster tests several daemons that share a log: real brokers, real daemons, and whatever can happen to them.
//
// Brokers talk to each other, and daemons to brokers, through proxies that can be cut. A checker records what publishers
// were told and what clients got, and proves that nothing that was acknowledged is lost in silence, nothing comes twice or
// out of order, and no id names two messages.
package cluster

import (
	"os"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
