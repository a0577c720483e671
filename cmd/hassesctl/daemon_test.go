package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
	"github.com/hassesd/hassesd/internal/admin/admintest"
	"github.com/hassesd/hassesd/internal/admin/api"
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

// TestAgainstTheControlServer goes once through every command with the daemon's own side of the
// protocol.
func TestAgainstTheControlServer(t *testing.T) {
	backend := &admintest.Backend{
		HelloAnswer:   api.Hello{Name: "hassesd", Version: "1.2.3", Protocol: api.ProtocolVersion, URL: "https://localhost/sse"},
		StatusAnswer:  api.Status{Version: "1.2.3", PID: 42, Mode: "https", Streams: 3},
		ClientsAnswer: api.Clients{Clients: []api.Client{{Conn: 1, ID: "anna", State: "streaming", Rooms: []string{"room624"}}}, Total: 1},
		RoomsAnswer:   api.Rooms{Rooms: []api.Room{{Room: "room624", Streams: 3}}, Total: 1},
		RoomStreams:   map[string]int{"room624": 3},
		KickedAnswer:  api.Kicked{Kicked: 1},
		ReloadAnswer:  api.Reloaded{Changed: []string{"retry"}},
		DrainAnswer:   api.Drained{Streams: 3, WindowSeconds: 10},
		Matches:       3,
		Errors:        map[string]error{},
	}
	doors := admintest.Start(t, backend)
	c := console{t, []string{"HASSESCTL_SOCKET=" + doors.Socket}}
	if got := c.run(exit.OK, "status"); !strings.Contains(got, "hassesd 1.2.3, pid 42") {
		t.Errorf("status: %s", got)
	}
	if got := c.run(exit.OK, "ping"); !strings.HasPrefix(got, "hassesd 1.2.3 answered in ") {
		t.Errorf("ping: %s", got)
	}
	if got := c.run(exit.OK, "clients"); !strings.Contains(got, "anna") {
		t.Errorf("clients: %s", got)
	}
	c.want(c.run(exit.OK, "rooms", "--json"), `{"rooms":[{"room":"room624","streams":3}],"total":1}`+"\n")
	c.want(c.run(exit.OK, "count", "room624"), "3\n")
	if got := c.run(exit.OK, "send", "room624", "hello"); !strings.HasPrefix(got, "delivered to 3 streams (id ") {
		t.Errorf("send: %s", got)
	}
	c.run(exit.OK, "send", "room6*", "-", "--to", "a-b", "--except", "x", "--event", "e")
	c.want(c.run(exit.OK, "kick", "anna", "--refuse", "60s"), "kicked 1 stream\n")
	c.want(c.run(exit.OK, "loglevel", "debug"), "debug\n")
	c.want(c.run(exit.OK, "reinit", "on"), "on\n")
	c.want(c.run(exit.OK, "reload"), "retry\n")
	c.want(c.run(exit.OK, "drain", "--window", "10s"), "ending 3 streams within 10s\n")
	if got := c.run(exit.OK, "version"); !strings.Contains(got, "hassesd 1.2.3") {
		t.Errorf("version: %s", got)
	}
	c.run(exit.Failed, "send", "room;624", "hello")
	c.run(exit.Usage, "send", "room624", "hello", "--event", "hasses.gap")
	c.run(exit.OK, "send", "room624", "hello", "--key", strings.Repeat("k", 128))
	c.run(exit.Usage, "send", "room624", "hello", "--key", strings.Repeat("k", 129))
	c.run(exit.Usage, "send", "room624", "--lines", "--key", strings.Repeat("k", 101)) // no room for the numbers

	// Over plain TCP one may publish, and look; not administrate.
	c = console{t, []string{"HASSESCTL_TCP=" + doors.TCP}}
	c.run(exit.OK, "send", "room624", "over TCP")
	c.run(exit.NotAllowed, "kick", "--all")

	sent := backend.WaitSent(t, 3)
	if last := sent[1]; strings.Join(last.To, " ") != "room6* a-b" || last.Data != "from the standard input\n" || last.Except != "x" || last.Event != "e" {
		t.Errorf("sent %+v", last)
	}
}

// TestRefusalsOfTheControlServer checks the exit codes with the daemon's own errors.
func TestRefusalsOfTheControlServer(t *testing.T) {
	backend := &admintest.Backend{MessageBytes: 64 << 10, Errors: map[string]error{
		api.MethodReload: &api.Error{Code: api.CodeNotAllowed, Message: "not you"},
		api.MethodKick:   &api.Error{Code: api.CodeNotFound, Message: "nobody"},
		api.MethodStatus: &api.Error{Code: api.CodeOverloaded, Message: "busy", Hint: "later"},
	}}
	c := console{t, []string{"HASSESCTL_SOCKET=" + admintest.Start(t, backend).Socket}}
	c.run(exit.NotAllowed, "reload")
	c.run(exit.NotFound, "kick", "anna")
	c.run(exit.Failed, "status")
	c.run(exit.Failed, "send", "room", strings.Repeat("x", 64<<10+1))
	c.run(exit.NotFound, "send", "room", "x", "--require-receivers")
	c.run(exit.NotFound, "kick", "--all")
}
