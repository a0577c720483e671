package threats

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/terminaltest"
	"github.com/hassesd/hassesd/test/harness"
)

// onTerminal runs a program whose standard output and error are a terminal, until what it shows satisfies is or it has
// ended, and returns what it showed.
func onTerminal(t testing.TB, is func(shown string) bool, name string, args ...string) string {
	t.Helper()
	screen, tty := terminaltest.Open(t)
	log := &harness.Log{}
	done := harness.Look(screen, log)
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = harness.Environment("TERM=xterm")
	cmd.Stdout, cmd.Stderr = tty, tty
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tty.Close()
	ended := harness.Poll(harness.Patience, func() bool {
		select {
		case <-done:
			return true
		default:
			return is != nil && is(log.Whole())
		}
	})
	if !ended {
		t.Errorf("%s %q: not within %s: %q", name, args, harness.Patience, log)
	}
	_ = cmd.Process.Signal(os.Interrupt) // for those that go on until somebody says so
	timer := time.AfterFunc(harness.Patience, func() { _ = cmd.Process.Kill() })
	_ = cmd.Wait() // some of them are meant to fail
	timer.Stop()
	<-done
	return log.Whole()
}

// styles are what our own programs say to a terminal: tint's colours, and those of hassesctl.
var styles = strings.NewReplacer("\x1b[0m", "", "\x1b[1m", "", "\x1b[2m", "", "\x1b[22m", "", "\x1b[31m", "", "\x1b[32m", "", "\x1b[33m", "",
	"\x1b[91m", "", "\x1b[92m", "", "\x1b[93m", "")
