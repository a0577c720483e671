package test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/terminaltest"
)

// look copies what a terminal shows into log until nobody has it open any more, and then closes done.
func look(screen *os.File, log *logBuffer) (done chan struct{}) {
	done = make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 64<<10)
		for {
			n, err := screen.Read(buf)
			_, _ = log.Write(buf[:n])
			if err != nil {
				return
			}
		}
	}()
	return done
}

// onTerminal runs a program whose standard output and error are a terminal, until what it shows satisfies is or it has
// ended, and returns what it showed.
func onTerminal(t testing.TB, is func(shown string) bool, name string, args ...string) string {
	t.Helper()
	screen, tty := terminaltest.Open(t)
	log := &logBuffer{}
	done := look(screen, log)
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = environment("TERM=xterm")
	cmd.Stdout, cmd.Stderr = tty, tty
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tty.Close()
	ended := poll(patience, func() bool {
		select {
		case <-done:
			return true
		default:
			return is != nil && is(log.whole())
		}
	})
	if !ended {
		t.Errorf("%s %q: not within %s: %q", name, args, patience, log)
	}
	_ = cmd.Process.Signal(os.Interrupt) // for those that go on until somebody says so
	timer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	_ = cmd.Wait() // some of them are meant to fail
	timer.Stop()
	<-done
	return log.whole()
}

// styles are what our own programs say to a terminal: tint's colours, and those of hassesctl.
var styles = strings.NewReplacer("\x1b[0m", "", "\x1b[1m", "", "\x1b[2m", "", "\x1b[22m", "", "\x1b[31m", "", "\x1b[32m", "", "\x1b[33m", "",
	"\x1b[91m", "", "\x1b[92m", "", "\x1b[93m", "")
