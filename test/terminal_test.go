package test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openTerminal makes a pseudo-terminal that passes bytes through unchanged: screen is what somebody would look at.
func openTerminal(t testing.TB) (screen, tty *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { screen.Close() })
	fd := int(screen.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	modes, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	modes.Oflag &^= unix.OPOST
	modes.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(int(tty.Fd()), unix.TCSETS, modes); err != nil {
		t.Fatal(err)
	}
	return screen, tty
}

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
	screen, tty := openTerminal(t)
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
