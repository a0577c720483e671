// Package core tests what the daemon is for: to subscribe, to publish, to deliver, and to be operated.
package core

import (
	"os"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
