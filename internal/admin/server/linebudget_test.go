package server_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/admin/admintest"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/server"
)

// Who may only show a key sends no more than a key takes, and learns so; a key that follows is
// taken.
func TestT28AConnectionWithoutARoleSendsNoLongCommands(t *testing.T) {
	_, doors, _ := guarded(t, api.RoleNone)
	p := connect(t, "tcp", doors.TCP)
	p.send(`{"jsonrpc":"2.0","id":7,"method":"send","params":{"to":"a","data":"` + strings.Repeat("x", 5000) + `"}}` + "\n")
	p.wantError("7", -32001, "so long a command needs the role read, and this connection has none")
	p.send(rpcCall("auth", `{"key":"`+opsKey+`"}`))
	p.want(`{"jsonrpc":"2.0","id":1,"result":{"key":"ops","role":"admin"}}`)

	p = connect(t, "tcp", doors.TCP)
	p.send("a=" + strings.Repeat("x", 5000) + "\n")
	p.want("error so long a command needs the role read, and this connection has none")
}

// The role that a command brings holds for the very next one, also when both come in one piece.
func TestALongCommandRightBehindItsKey(t *testing.T) {
	b, doors, _ := guarded(t, api.RoleNone)
	p := connect(t, "tcp", doors.TCP)
	long := strings.Repeat("x", 20_000)
	p.send("auth " + opsKey + "\na=" + long + "\n")
	p.want("ok admin")
	if got := b.WaitSent(t, 1)[0].Data; got != long {
		t.Errorf("%d bytes came", len(got))
	}
}

func TestReadersSendNoLongCommands(t *testing.T) {
	_, doors, _ := guarded(t, api.RoleRead)
	p := connect(t, "tcp", doors.TCP)
	p.send(`{"jsonrpc":"2.0","id":7,"method":"send","params":{"to":"a","data":"` + strings.Repeat("x", 70_000) + `"}}` + "\n")
	p.wantError("7", -32001, "so long a command needs the role publish, and this connection has read")
}

// openScarce serves a port whose unfinished commands may hold so many bytes.
func openScarce(t *testing.T, b *admintest.Backend, bytes int64, grace, wait time.Duration) admintest.Endpoints {
	t.Helper()
	return admintest.StartServer(t, server.Options{
		Backend:    b,
		MaxMessage: func() int { return 1 << 20 },
		LineBytes:  func() int64 { return bytes },
	}, func(s *server.Server) {
		server.SetLinePatience(s, grace, wait)
	})
}

// waitHeld waits until unfinished commands hold as much as wanted.
func waitHeld(t *testing.T, s *server.Server, done func(bytes int64) bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(s.HeldBytes()); <-time.After(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("unfinished commands hold %d bytes", s.HeldBytes())
		}
	}
}

// halfCommand is a command that is not finished, and holds most of 1 MiB.
var halfCommand = `{"jsonrpc":"2.0","id":5,"method":"send","params":{"to":"a","data":"` + strings.Repeat("x", 800_000)

// sendHalf returns a connection that has sent halfCommand.
func sendHalf(t *testing.T, doors admintest.Endpoints) *peer {
	t.Helper()
	p := connect(t, "tcp", doors.TCP)
	p.send(halfCommand)
	waitHeld(t, doors.Server, func(n int64) bool { return n > 700_000 })
	return p
}

func TestT28UnfinishedCommandsAreBoundedTogether(t *testing.T) {
	const budget = 1 << 20
	b := &admintest.Backend{}
	doors := openScarce(t, b, budget, time.Hour, 50*time.Millisecond)
	first := sendHalf(t, doors)

	second := connect(t, "tcp", doors.TCP)
	second.send(halfCommand + `"}}` + "\n")
	second.wantError("5", -32002, "unfinished commands of all connections hold all the memory there is for them")
	if n := doors.Server.HeldBytes(); n > budget {
		t.Errorf("unfinished commands hold %d bytes of %d", n, budget)
	}
	second.send(rpcCall("send", `{"to":"a","data":"short ones never wait"}`))
	second.want(`{"jsonrpc":"2.0","id":1,"result":{"id":"e-1","matched":0}}`)

	first.send(`"}}` + "\n")
	first.want(`{"jsonrpc":"2.0","id":5,"result":{"id":"e-2","matched":0}}`)
	waitHeld(t, doors.Server, func(n int64) bool { return n == 0 })
}

// A command that is never finished does not keep the memory from others for ever.
func TestT28AnOldUnfinishedCommandGivesWay(t *testing.T) {
	b := &admintest.Backend{}
	doors := openScarce(t, b, 1<<20, time.Millisecond, time.Hour)
	first := sendHalf(t, doors)
	second := connect(t, "tcp", doors.TCP)
	second.send(halfCommand + `"}}` + "\n")
	second.want(`{"jsonrpc":"2.0","id":5,"result":{"id":"e-1","matched":0}}`)
	if _, err := io.ReadAll(first.r); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Error(err)
	}
	if got := fmt.Sprint(b.WaitRefusals(t, 1)); !strings.Contains(got, string(api.RefusedUnfinished)) {
		t.Errorf("refused for %s", got)
	}
}
