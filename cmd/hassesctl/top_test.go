package main

import (
	"bytes"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
	"github.com/hassesd/hassesd/internal/admin/admintest"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/terminaltest"
)

// watched is what a terminal was told to show so far.
type watched struct {
	more chan struct{} // has one when there is more
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func watch(screen *os.File) *watched {
	w := &watched{more: make(chan struct{}, 1)}
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := screen.Read(buf)
			w.mu.Lock()
			w.text.Write(buf[:n])
			w.mu.Unlock()
			select {
			case w.more <- struct{}{}:
			default:
			}
			if err != nil {
				return
			}
		}
	}()
	return w
}

func (w *watched) all() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// await waits until the terminal was told to show something, after the first bytes.
func (w *watched) await(t *testing.T, after int, want string) {
	t.Helper()
	w.until(t, "shows "+want, func(all string) bool { return strings.Contains(all[after:], want) })
}

// awaitWithout waits until a whole screen was drawn, after the first bytes, that lacks something.
func (w *watched) awaitWithout(t *testing.T, after int, unwanted string) {
	t.Helper()
	w.until(t, "is without "+unwanted, func(all string) bool {
		screens := strings.Split(all[after:], "\x1b[H")
		for _, screen := range screens[min(1, len(screens)-1) : len(screens)-1] { // what comes before the first, or after the last, may be cut
			if !strings.Contains(screen, unwanted) {
				return true
			}
		}
		return false
	})
}

func (w *watched) until(t *testing.T, what string, is func(all string) bool) {
	t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	for !is(w.all()) {
		select {
		case <-w.more:
		case <-deadline.C:
			all := w.all()
			t.Fatalf("the terminal never %s, but shows at last %q", what, all[max(0, strings.LastIndex(all, "\x1b[H")):])
		}
	}
}

func modes(t *testing.T, tty *os.File) unix.Termios {
	t.Helper()
	m, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *m
}

func backendOfTop() *admintest.Backend {
	return &admintest.Backend{
		StatusAnswer:  api.Status{Version: "1.2.3", PID: 42, Mode: "https", Streams: 3},
		ClientsAnswer: api.Clients{Clients: []api.Client{{Conn: 1, ID: "anna", Rooms: []string{"room624"}}}, Total: 1},
		RoomsAnswer:   api.Rooms{Rooms: []api.Room{{Room: "room624", Streams: 3}}, Total: 1},
		Errors:        map[string]error{},
	}
}

// TestTopOnATerminal looks, presses keys and quits; the terminal is as it was.
func TestTopOnATerminal(t *testing.T) {
	backend := backendOfTop()
	env := []string{"HASSESCTL_SOCKET=" + admintest.Start(t, backend).Socket, "TERM=xterm", "NO_COLOR=1"}
	screen, tty := terminaltest.Open(t)
	before := modes(t, tty)
	w := watch(screen)
	var stderr bytes.Buffer
	ended := make(chan int, 1)
	go func() { ended <- run([]string{"top"}, tty, tty, &stderr, env) }()
	press := func(keys string) int {
		t.Helper()
		n := len(w.all())
		if _, err := screen.WriteString(keys); err != nil {
			t.Fatal(err)
		}
		return n
	}

	w.await(t, 0, "BUSIEST CLIENTS")
	w.await(t, 0, "anna")
	if modes(t, tty).Lflag&(unix.ICANON|unix.ECHO) != 0 {
		t.Error("the terminal still echoes, or waits for lines")
	}
	w.await(t, press("o"), "OLDEST CLIENTS")
	w.await(t, press("\x1b[A?"), "Keys of hassesctl top")
	w.await(t, press("x/room9"), "only this room (Enter; empty: all): room9_")
	w.await(t, press("\r"), `room "room9"`)
	w.awaitWithout(t, press("\x1b"), `room "room9"`) // until then, the next key would be one with Alt
	n := press("q")
	select {
	case code := <-ended:
		if code != exit.OK || stderr.Len() > 0 {
			t.Errorf("it ended with %d: %s", code, &stderr)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("q does not quit")
	}
	w.await(t, n, "\x1b[?1049l")
	if after := modes(t, tty); after != before {
		t.Errorf("the terminal has other modes than before: %+v, %+v", after, before)
	}
	if strings.Contains(w.all(), "\x1b[1m") || strings.Contains(w.all(), "\x1b[3") {
		t.Error("there are colours in spite of NO_COLOR")
	}
}

// TestTopOutlivesTheDaemon shows why the figures are old, and quits all the same.
func TestTopOutlivesTheDaemon(t *testing.T) {
	screen, tty := terminaltest.Open(t)
	before := modes(t, tty)
	w := watch(screen)
	ended := make(chan int, 1)
	t.Run("while the daemon runs", func(t *testing.T) {
		env := []string{"HASSESCTL_SOCKET=" + admintest.Start(t, backendOfTop()).Socket, "TERM=xterm"}
		go func() { ended <- run([]string{"top"}, tty, tty, &bytes.Buffer{}, env) }()
		w.await(t, 0, "anna")
	})
	w.await(t, 0, "trying again")
	if _, err := screen.WriteString("\x03"); err != nil { // Ctrl-C
		t.Fatal(err)
	}
	if code := <-ended; code != exit.OK || modes(t, tty) != before {
		t.Errorf("it ended with %d, modes %+v", code, modes(t, tty))
	}
}

func TestTopFailsBeforeItTakesTheTerminal(t *testing.T) {
	backend := backendOfTop()
	backend.Errors[api.MethodStatus] = &api.Error{Code: api.CodeNotAllowed, Message: "not you"}
	socket := "HASSESCTL_SOCKET=" + admintest.Start(t, backend).Socket
	screen, tty := terminaltest.Open(t)
	w := watch(screen)
	for _, tt := range []struct {
		name string
		env  []string
		args []string
		code int
	}{
		{"not allowed", []string{socket, "TERM=xterm"}, []string{"top"}, exit.NotAllowed},
		{"nobody listens", []string{"HASSESCTL_SOCKET=nowhere.sock", "TERM=xterm"}, []string{"top"}, exit.Unreachable},
		{"a dumb terminal", []string{socket, "TERM=dumb"}, []string{"top"}, exit.Usage},
		{"no TERM", []string{socket}, []string{"top"}, exit.Usage},
		{"for scripts", []string{socket, "TERM=xterm"}, []string{"top", "--json"}, exit.Usage},
		{"an argument", []string{socket, "TERM=xterm"}, []string{"top", "room"}, exit.Usage},
	} {
		var stderr bytes.Buffer
		if code := run(tt.args, tty, tty, &stderr, tt.env); code != tt.code || stderr.Len() == 0 {
			t.Errorf("%s: ended with %d, want %d: %s", tt.name, code, tt.code, &stderr)
		}
	}
	var stderr bytes.Buffer
	env := []string{socket, "TERM=xterm"}
	if code := run([]string{"top"}, strings.NewReader(""), tty, &stderr, env); code != exit.Usage || !strings.Contains(stderr.String(), "needs a terminal") {
		t.Errorf("without a keyboard: %d: %s", code, &stderr)
	}
	if code := run([]string{"top"}, tty, &bytes.Buffer{}, &stderr, env); code != exit.Usage {
		t.Errorf("without a screen: %d", code)
	}
	if text := w.all(); text != "" {
		t.Errorf("the terminal was told %q", text)
	}
}
