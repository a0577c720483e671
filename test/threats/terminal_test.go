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

// onTerminal runs a program with a terminal as standard output and error, until is reports true of
// what the terminal shows or the program ends. It returns what the terminal showed.
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
	_ = cmd.Process.Signal(os.Interrupt) // for programs that run until interrupted
	timer := time.AfterFunc(harness.Patience, func() { _ = cmd.Process.Kill() })
	_ = cmd.Wait() // some of them are meant to fail
	timer.Stop()
	<-done
	return log.Whole()
}

// styles removes the escape sequences of our own programs: tint's colours and hassesctl's.
var styles = strings.NewReplacer("\x1b[0m", "", "\x1b[1m", "", "\x1b[2m", "", "\x1b[22m", "", "\x1b[31m", "", "\x1b[32m", "", "\x1b[33m", "",
	"\x1b[91m", "", "\x1b[92m", "", "\x1b[93m", "")
