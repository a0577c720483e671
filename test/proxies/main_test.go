// Package proxies runs the configurations of examples/proxies in the proxies that they are for, in front of the daemon.
package proxies

import (
	"flag"
	"os"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

func TestMain(m *testing.M) {
	// Debian has most proxies where only root looks for programs.
	if err := os.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin"); err != nil {
		panic(err)
	}
	flag.Parse()
	// The proxies wait for most of their time, all at once.
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err)
	}
	os.Exit(harness.Main(m))
}
