// Package examples runs what is in examples/ as its READMEs say.
package examples

import (
	"os"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
