package core

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

// tmux is a terminal that others emulate, with a shell in it.
type tmux struct {
	t      *testing.T
	socket string
}

func startTmux(t *testing.T, columns, lines string) *tmux {
	t.Helper()
	m := &tmux{t, filepath.Join(t.TempDir(), "tmux")}
	t.Cleanup(func() { m.run("kill-server") })
	m.run("-f", "/dev/null", "new-session", "-d", "-x", columns, "-y", lines, "PS1='ready> ' exec sh -i")
	m.await(`ready>$`)
	return m
}

func (m *tmux) run(args ...string) string {
	m.t.Helper()
	cmd := exec.Command(harness.Tool(m.t, "tmux"), append([]string{"-S", m.socket}, args...)...)
	cmd.Env = harness.Environment("LC_ALL=C.UTF-8", "TERM=xterm-256color")
	out, err := cmd.CombinedOutput()
	if err != nil {
		m.t.Fatalf("tmux %q: %v: %s", args, err, out)
	}
	return string(out)
}

// screen returns what is on the screen.
func (m *tmux) screen() string { return m.run("capture-pane", "-p") }

func (m *tmux) press(keys ...string) { m.run(append([]string{"send-keys"}, keys...)...) }

// await waits until the screen shows a pattern, and returns the screen.
func (m *tmux) await(pattern string) string {
	m.t.Helper()
	want := regexp.MustCompile(pattern)
	var screen string
	if !harness.Poll(harness.Patience, func() bool {
		screen = m.screen()
		return want.MatchString(strings.TrimRight(screen, "\n"))
	}) {
		m.t.Fatalf("the screen never shows %s, but\n%s", pattern, screen)
	}
	return screen
}

// TestTop drives top in a real terminal: it is live, follows the size, sorts and filters, and gives
// the terminal back when it is suspended, killed by a signal, or left.
func TestTop(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	r := d.Request("subscribe=room624&id=ann")
	r.Header = []string{"User-Agent: evil\u009b2Jagent"} // a control sequence of one character
	d.Open(r)
	d.Subscribe("subscribe=room7&id=bob")
	top := harness.Hassesctl + " top --socket " + d.Socket
	m := startTmux(t, "110", "30")
	m.press(top, "Enter")
	m.await(`(?s)SLOWEST CLIENTS.*\(2 clients\).*ann .*evil\\u\{9B\}2Jagent.*BUSIEST.*bob.*ROOMS.*\(2 rooms\).*room624`)
	sent := 0
	harness.Eventually(t, "top shows the rate", func() bool {
		d.Send("room624", "hello")
		sent++
		return regexp.MustCompile(`each second published [1-9]`).MatchString(m.screen())
	})
	m.await(fmt.Sprintf(`ann .* %d  `, sent))

	m.press("i", "bob", "Enter")
	if screen := m.await(`(?s)\(1 client\).*\(1 client\).*id "bob"`); strings.Contains(screen, "ann") {
		t.Errorf("the filter shows others:\n%s", screen)
	}
	m.press("Escape")
	m.await(`\(2 clients\)`)
	m.press("r")
	m.await(`(?s)history[^\n]*\n(memory[^\n]*\n)?\s*ROOMS`)
	m.run("resize-window", "-x", "50", "-y", "12")
	m.await(`q quit .*…$`)

	m.press("C-z") // the shell has its screen back, and top goes on where it was
	m.await(`(?s)Stopped.*ready>$`)
	m.press("fg", "Enter")
	m.await(`(?s)ROOMS.*q quit`)
	m.press("q")
	m.press("echo code $?", "Enter")
	m.await(`(?m)^code 0`)
	if screen := m.screen(); strings.Contains(screen, "q quit") {
		t.Errorf("after it was left:\n%s", screen)
	}

	pid := filepath.Join(d.Dir, "top.pid")
	m.run("resize-window", "-x", "110", "-y", "30")
	m.press("clear; stty -g; sh -c 'echo $$ >"+pid+"; exec "+top+"'; stty -g", "Enter")
	m.await(`q quit`)
	number := harness.ReadFile(t, pid)
	if out, err := exec.Command("kill", "-TERM", strings.TrimSpace(string(number))).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	screen := m.await(`(?s)ready>$`)
	if modes := regexp.MustCompile(`(?m)^[0-9a-f]+(:[0-9a-f]+)+$`).FindAllString(screen, -1); len(modes) != 2 || modes[0] != modes[1] || strings.Contains(screen, "q quit") {
		t.Errorf("after SIGTERM the terminal has other modes: %q\n%s", modes, screen)
	}
}
