package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/admin/admintest"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/server"
)

// crowd is a backend with many clients in rooms with long names, which are listed by age.
type crowd struct {
	*admintest.Backend
	clients []api.Client
	fail    func(page int) error // nil: never
	pages   atomic.Int32         // lists of administrators and of others are made side by side
}

func newCrowd(clients, rooms int) *crowd {
	c := &crowd{Backend: &admintest.Backend{}}
	for i := range clients {
		one := api.Client{Conn: uint64(i + 1), Addr: "192.0.2.1:1000", State: "streaming"}
		for r := range rooms {
			one.Rooms = append(one.Rooms, fmt.Sprintf("%d-%s", r, strings.Repeat("\"", 100)))
		}
		c.clients = append(c.clients, one)
	}
	return c
}

func (c *crowd) Clients(ctx context.Context, p api.ClientsParams) (api.Clients, error) {
	page := int(c.pages.Add(1))
	if c.fail != nil {
		if err := c.fail(page); err != nil {
			return api.Clients{}, err
		}
	}
	if _, err := c.Backend.Clients(ctx, p); err != nil {
		return api.Clients{}, err
	}
	rest := c.clients
	if p.Cursor != "" {
		at, err := api.ReadClientCursor(p.Sort, p.Cursor)
		if err != nil {
			return api.Clients{}, err
		}
		rest = rest[at.Conn:]
	}
	out := api.Clients{Clients: rest, Total: len(c.clients)}
	if len(rest) > p.Limit {
		out.Clients = rest[:p.Limit]
		out.NextCursor = api.ClientCursor{Conn: rest[p.Limit-1].Conn}.Text(p.Sort)
	}
	return out, nil
}

// A page is bounded in bytes, whatever clients call their rooms, and the pages together are the
// whole list.
func TestT28PagesAreBoundedInBytes(t *testing.T) {
	c := newCrowd(100, 64) // 13 KiB each, written as JSON
	p := connect(t, "unix", admintest.Start(t, c).Socket)
	seen, cursor := 0, ""
	for pages := 0; ; pages++ {
		p.send(rpcCall("clients", fmt.Sprintf(`{"cursor":%q}`, cursor)))
		text := p.line()
		if len(text) > 300<<10 {
			t.Fatalf("an answer of %d bytes", len(text))
		}
		var answer struct{ Result api.Clients }
		if err := json.Unmarshal([]byte(text), &answer); err != nil {
			t.Fatal(err)
		}
		for _, one := range answer.Result.Clients {
			if seen++; one.Conn != uint64(seen) || answer.Result.Total != 100 {
				t.Fatalf("client %d of %d at place %d", one.Conn, answer.Result.Total, seen)
			}
		}
		if cursor = answer.Result.NextCursor; cursor == "" {
			if seen != 100 || pages < 4 {
				t.Errorf("%d clients on %d pages", seen, pages+1)
			}
			return
		}
	}
}

func TestT28RowsOfAPageAreBounded(t *testing.T) {
	c := newCrowd(3000, 0)
	p := connect(t, "unix", admintest.Start(t, c).Socket)
	for _, tt := range []struct {
		params string
		want   int
	}{{"{}", 500}, {`{"limit":7}`, 7}, {`{"limit":1000000}`, 1000}} {
		p.send(rpcCall("clients", tt.params))
		var answer struct{ Result api.Clients }
		if err := json.Unmarshal([]byte(p.line()), &answer); err != nil {
			t.Fatal(err)
		}
		if n := len(answer.Result.Clients); n != tt.want || answer.Result.NextCursor == "" {
			t.Errorf("%s: %d clients, next %q", tt.params, n, answer.Result.NextCursor)
		}
	}
}

// What waits for those who do not read is bounded, and an administrator gets his list all the same.
func TestT28ListsThatNobodyReadsAreBounded(t *testing.T) {
	c := newCrowd(500, 64)
	doors := admintest.StartServer(t, server.Options{
		Backend: c, Publisher: c, Logger: slog.New(slog.DiscardHandler), Rights: loadRights(t, access.RightsOptions{TCP: api.RoleRead}),
	}, func(s *server.Server) { server.SetWriteTimeout(s, time.Hour) })
	for range 60 {
		p := connect(t, "tcp", doors.TCP)
		p.send(strings.Repeat(rpcCall("clients", "{}"), 20))
	}
	waitHeld(t, doors.Server, func(n int64) bool { return n > 5<<20 })
	p := connect(t, "unix", doors.Socket)
	for range 5 {
		p.send(rpcCall("clients", "{}"))
		if got := p.line(); !strings.Contains(got, `"next_cursor"`) {
			t.Fatalf("got %.200s", got)
		}
		if n := doors.Server.HeldBytes(); n > 8<<20 {
			t.Fatalf("%d bytes of lists wait", n)
		}
	}
}

// The classic list is sent in pieces: whole, however long it is, and never in memory as a whole.
func TestT28ClassicListsComeInPieces(t *testing.T) {
	c := newCrowd(2300, 1)
	log := &records{}
	doors := admintest.StartServer(t, server.Options{Backend: c, Publisher: c, Logger: slog.New(slog.NewTextHandler(log, nil))})
	p := connect(t, "unix", doors.Socket)
	p.send("clientlist\ntcpclientlist\nnumberofclients\n")
	lines := []string{p.line()}
	for lines[len(lines)-1] != "---------------- end ----------------" {
		lines = append(lines, p.line())
	}
	if want := 2 + 2300*4 + 1; len(lines) != want || !strings.HasPrefix(lines[len(lines)-5], "#2300 - <2300> ") {
		t.Errorf("%d lines, want %d; the last client is %s", len(lines), want, lines[len(lines)-5])
	}
	var list struct {
		Clients []api.Client `json:"clients"`
		Number  int          `json:"numberofclients"`
	}
	if err := json.Unmarshal([]byte(p.line()), &list); err != nil || list.Number != 2300 || len(list.Clients) != 2300 || list.Clients[2299].Conn != 2300 {
		t.Errorf("%d of %d clients, %v", len(list.Clients), list.Number, err)
	}
	p.want("Number of connected clients: 0")
	if got := log.String(); !strings.Contains(got, "#1000 - <1000>") || strings.Contains(got, "#1001 - ") ||
		!strings.Contains(got, "There are more clients; hassesctl clients lists all of them.") {
		t.Error("the log does not have the first 1000 clients and a word on the others")
	}
}

// A classic list that fails on the way says how far it got.
func TestT28ClassicListsSayWhereTheyAreCut(t *testing.T) {
	c := newCrowd(1200, 0)
	c.fail = func(page int) error {
		if page == 3 {
			return &api.Error{Code: api.CodeOverloaded, Message: "the event loops did not answer"}
		}
		return nil
	}
	p := connect(t, "unix", admintest.Start(t, c).Socket)
	p.send("tcpclientlist\n")
	var list struct {
		Clients []api.Client `json:"clients"`
		Number  int          `json:"numberofclients"`
		Cut     string       `json:"cut"`
	}
	if err := json.Unmarshal([]byte(p.line()), &list); err != nil || list.Number != 1000 || len(list.Clients) != 1000 || list.Cut == "" {
		t.Errorf("%d of %d clients, cut %q, %v", len(list.Clients), list.Number, list.Cut, err)
	}
	c.WaitRefusals(t, 1)
}

// A reader that takes a little now and then holds its answer for as long as one takes as a whole,
// and no longer.
func TestT28AnswersHaveATimeAsAWhole(t *testing.T) {
	c := newCrowd(500, 64)
	doors := admintest.StartServer(t, server.Options{Backend: c}, func(s *server.Server) { server.SetAnswerTimeout(s, 200*time.Millisecond) })
	p := connect(t, "unix", doors.Socket)
	p.send(strings.Repeat(rpcCall("clients", "{}"), 4))
	buf := make([]byte, 8<<10)
	for {
		if _, err := p.conn.Read(buf); err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, unix.ECONNRESET) {
				t.Error(err)
			}
			break
		}
		<-time.After(30 * time.Millisecond) // well within the patience for a write
	}
	if got := c.WaitRefusals(t, 1); got[0] != string(api.RefusedSlow) {
		t.Errorf("refused for %v", got)
	}
}

func TestCursors(t *testing.T) {
	for _, tt := range []struct{ sort, cursor string }{
		{"", "x"}, {"", ""}, {"", "queue.1.2"}, {"queue", "age.0.1"}, {"age", "age.-1.2"}, {"age", "age.1"}, {"age", "500"},
	} {
		if at, err := api.ReadClientCursor(tt.sort, tt.cursor); err == nil {
			t.Errorf("clients by %q: %q is %+v", tt.sort, tt.cursor, at)
		}
	}
	at := api.ClientCursor{Key: 4096, Conn: 7}
	if got, err := api.ReadClientCursor("queue", at.Text("queue")); err != nil || got != at {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, cursor := range []string{"", "streams", "streams.1", "streams.1.", "streams.x.a", "name.1.a", "streams.-1.a"} {
		if at, err := api.ReadRoomCursor("streams", cursor); err == nil {
			t.Errorf("rooms: %q is %+v", cursor, at)
		}
	}
	text := api.RoomCursorAfter("name", api.Room{Room: "a.b c", Streams: 3}, 40)
	if got, err := api.ReadRoomCursor("name", text); err != nil || got != (api.RoomCursor{Number: 40, Room: "a.b c"}) {
		t.Errorf("got %+v, %v", got, err)
	}
}
