// Package compat tests programs that others wrote, and what the daemon owes to users of the C program hasses.
package compat

import (
	"os"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
