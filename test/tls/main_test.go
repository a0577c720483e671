// Package tls tests TLS clients, certificates and ACME.
package tls

import (
	"os"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
