package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/admin"
	"github.com/hassesd/hassesd/internal/admin/admintest"
)

// console is hassesctl in front of a control server.
type console struct {
	t   *testing.T
	env []string
}

// run gives a command and returns its results; it must end with the exit code.
func (c console) run(code int, args ...string) string {
	c.t.Helper()
	var stdout, stderr bytes.Buffer
	if got := run(args, strings.NewReader("from the standard input\n"), &stdout, &stderr, c.env); got != code {
		c.t.Errorf("hassesctl %q ended with %d, want %d: %s", args, got, code, stderr.String())
	}
	return stdout.String()
}

func (c console) want(got, want string) {
	c.t.Helper()
	if got != want {
		c.t.Errorf("got %q, want %q", got, want)
	}
}

// TestAgainstTheControlServer goes once through every command with the daemon's own side of the protocol.
func TestAgainstTheControlServer(t *testing.T) {
	backend := &admintest.Backend{
		HelloAnswer:   admin.Hello{Name: "hassesd", Version: "1.2.3", Protocol: admin.ProtocolVersion, URL: "https://localhost/sse"},
		StatusAnswer:  admin.Status{Version: "1.2.3", PID: 42, Mode: "https", Streams: 3},
		ClientsAnswer: admin.Clients{Clients: []admin.Client{{Conn: 1, ID: "anna", State: "streaming", Rooms: []string{"room624"}}}, Total: 1},
		RoomsAnswer:   admin.Rooms{Rooms: []admin.Room{{Room: "room624", Streams: 3}}, Total: 1},
		RoomStreams:   map[string]int{"room624": 3},
		KickedAnswer:  admin.Kicked{Kicked: 1},
		ReloadAnswer:  admin.Reloaded{Changed: []string{"retry"}},
		DrainAnswer:   admin.Drained{Streams: 3, WindowSeconds: 10},
		Matches:       3,
		Errors:        map[string]error{},
	}
	doors := admintest.Start(t, backend)
	c := console{t, []string{"HASSESCTL_SOCKET=" + doors.Socket}}
	if got := c.run(exitOK, "status"); !strings.Contains(got, "hassesd 1.2.3, pid 42") {
		t.Errorf("status: %s", got)
	}
	if got := c.run(exitOK, "clients"); !strings.Contains(got, "anna") {
		t.Errorf("clients: %s", got)
	}
	c.want(c.run(exitOK, "rooms", "--json"), `{"rooms":[{"room":"room624","streams":3}],"total":1}`+"\n")
	c.want(c.run(exitOK, "count", "room624"), "3\n")
	if got := c.run(exitOK, "send", "room624", "hello"); !strings.HasPrefix(got, "delivered to 3 streams (id ") {
		t.Errorf("send: %s", got)
	}
	c.run(exitOK, "send", "room6*", "-", "--to", "a-b", "--except", "x", "--event", "e")
	c.want(c.run(exitOK, "kick", "anna", "--refuse", "60s"), "kicked 1 stream\n")
	c.want(c.run(exitOK, "loglevel", "debug"), "debug\n")
	c.want(c.run(exitOK, "reinit", "on"), "on\n")
	c.want(c.run(exitOK, "reload"), "retry\n")
	c.want(c.run(exitOK, "drain", "--window", "10s"), "ending 3 streams within 10s\n")
	if got := c.run(exitOK, "version"); !strings.Contains(got, "hassesd 1.2.3") {
		t.Errorf("version: %s", got)
	}
	c.run(exitFailed, "send", "room;624", "hello")
	c.run(exitUsage, "send", "room624", "hello", "--event", "hasses.gap")

	// Over plain TCP one may publish, and look; not administrate.
	c = console{t, []string{"HASSESCTL_TCP=" + doors.TCP}}
	c.run(exitOK, "send", "room624", "over TCP")
	c.run(exitNotAllowed, "kick", "--all")

	sent := backend.WaitSent(t, 3)
	if last := sent[1]; strings.Join(last.To, " ") != "room6* a-b" || last.Data != "from the standard input\n" || last.Except != "x" || last.Event != "e" {
		t.Errorf("sent %+v", last)
	}
}

// TestRefusalsOfTheControlServer checks the exit codes with the daemon's own errors.
func TestRefusalsOfTheControlServer(t *testing.T) {
	backend := &admintest.Backend{Errors: map[string]error{
		admin.MethodReload: &admin.Error{Code: admin.CodeNotAllowed, Message: "not you"},
		admin.MethodKick:   &admin.Error{Code: admin.CodeNotFound, Message: "nobody"},
		admin.MethodStatus: &admin.Error{Code: admin.CodeOverloaded, Message: "busy", Hint: "later"},
	}}
	c := console{t, []string{"HASSESCTL_SOCKET=" + admintest.Start(t, backend).Socket}}
	c.run(exitNotAllowed, "reload")
	c.run(exitNotFound, "kick", "anna")
	c.run(exitFailed, "status")
	c.run(exitFailed, "send", "room", strings.Repeat("x", 64<<10+1))
	c.run(exitNotFound, "send", "room", "x", "--require-receivers")
	c.run(exitNotFound, "kick", "--all")
}
