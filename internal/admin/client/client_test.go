package client_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/admin/admintest"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/client"
	"github.com/hassesd/hassesd/internal/admin/server"
)

func TestClientMethods(t *testing.T) {
	n := 12
	window := 1.5
	yes := true
	b := &admintest.Backend{
		HelloAnswer:   api.Hello{Version: "2.0.0", URL: "u", CAPEM: "pem"},
		StatusAnswer:  api.Status{PID: 7, Closed: map[string]uint64{"peer": 3}, Loops: []api.LoopStatus{{Streams: 2}}, Refused: map[string]uint64{}},
		ClientsAnswer: api.Clients{Clients: []api.Client{{Conn: 6, Rooms: []string{"größe"}, Agent: "<\x00\u2028>"}}, Total: 1, NextCursor: "c"},
		RoomsAnswer:   api.Rooms{Rooms: []api.Room{{Room: "a", Streams: 2}}, Total: 1},
		CountAnswer:   api.Count{Connections: &n, Streams: 10},
		RoomStreams:   map[string]int{"a": 2},
		KickedAnswer:  api.Kicked{Kicked: 1},
		ReloadAnswer:  api.Reloaded{Changed: []string{"log_level"}, NeedsRestart: []string{"listen"}},
		DrainAnswer:   api.Drained{Streams: 10, WindowSeconds: window},
		CertsAnswer: api.Certificates{Certificates: []api.Certificate{{
			Names: []string{"a.example"}, Source: "file", Key: "RSA 2048", NotAfter: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC),
			DaysLeft: 3, Warnings: []string{}, LastError: "e",
		}}},
		LimitsAnswer: api.Limits{
			Uses:    []api.LimitUse{{Key: "limits.connections", Used: 1, Limit: 2, Unit: "connections"}},
			Refused: map[string]uint64{"penalized": 4},
			Penalties: api.Penalties{
				Mode: "on", Penalized: []api.Penalized{{Network: "192.0.2.1/32", SecondsLeft: 1.5, Why: "handshake_failed"}},
				Total: 1, Offences: map[string]uint64{},
			},
		},
		SandboxAnswer: api.Sandbox{
			Mode: "auto", SelfCheck: "ok", Layers: []api.SandboxLayer{{Layer: "landlock", InForce: true, Detail: "ABI 7"}}, Threads: 5,
			Paths: []api.SandboxPath{{Path: "/etc/hassesd", Use: "read"}}, ConnectPorts: []int{443},
			Checks: []api.SandboxCheck{{Check: "list /", Error: "e"}},
		},
		Matches: 3,
	}
	c := admintest.Dial(t, client.Options{Socket: admintest.Start(t, b).Socket})
	ctx := t.Context()
	check := func(name string, got any, err error, want any) {
		t.Helper()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v, want %+v", name, got, err, want)
		}
	}

	hello, err := c.Hello(ctx)
	check("hello", hello, err, api.Hello{Name: "hassesd", Version: "2.0.0", Protocol: 1, Role: api.RoleAdmin, URL: "u", CAPEM: "pem"})
	status, err := c.Status(ctx)
	check("status", status, err, b.StatusAnswer)
	clients, err := c.Clients(ctx, api.ClientsParams{Room: "größe", Limit: 1})
	check("clients", clients, err, b.ClientsAnswer)
	rooms, err := c.Rooms(ctx, api.RoomsParams{Prefix: "a"})
	check("rooms", rooms, err, b.RoomsAnswer)
	count, err := c.Count(ctx, api.CountParams{})
	check("count", count, err, b.CountAnswer)
	count, err = c.Count(ctx, api.CountParams{Room: "a"})
	check("count a", count, err, api.Count{Room: "a", Streams: 2})
	level, err := c.LogLevel(ctx, "debug")
	check("loglevel", level, err, api.Level{Level: "debug"})
	reinit, err := c.Reinit(ctx, &yes)
	check("reinit", reinit, err, api.Reinit{Enabled: true})
	reinit, err = c.Reinit(ctx, nil)
	check("reinit again", reinit, err, api.Reinit{Enabled: true})
	kicked, err := c.Kick(ctx, api.KickParams{ID: "x", RefuseSeconds: 60})
	check("kick", kicked, err, b.KickedAnswer)
	reloaded, err := c.Reload(ctx)
	check("reload", reloaded, err, b.ReloadAnswer)
	drained, err := c.Drain(ctx, api.DrainParams{WindowSeconds: &window})
	check("drain", drained, err, b.DrainAnswer)

	certificates, err := c.Certificates(ctx)
	check("certificates", certificates, err, b.CertsAnswer)
	limits, err := c.Limits(ctx, api.LimitsParams{Penalized: 5})
	check("limits", limits, err, b.LimitsAnswer)
	sandbox, err := c.Sandbox(ctx)
	check("sandbox", sandbox, err, b.SandboxAnswer)

	for i, p := range []api.SendParams{
		{To: api.Targets{"a"}, Data: "line\none; two=2 \x00\u2028"},
		{To: api.Targets{"a", "b*"}, Except: "x", Event: "chat", Retry: 500},
	} {
		sent, err := c.Send(ctx, p)
		check("send", sent, err, api.Sent{ID: fmt.Sprintf("e-%d", i+1), Matched: 3})
		check("sent", b.Sent()[i], nil, p)
	}
}

func TestClientErrors(t *testing.T) {
	answered := func(code int) *api.Error { return &api.Error{Code: code, Message: "m", Hint: "h"} }
	b := &admintest.Backend{MessageBytes: 10, Errors: map[string]error{
		api.MethodStatus:  answered(api.CodeNotAllowed),
		api.MethodClients: answered(api.CodeNotFound),
		api.MethodRooms:   answered(api.CodeOverloaded),
	}}
	c := admintest.Dial(t, client.Options{Socket: admintest.StartServer(t, server.Options{Backend: b, MaxMessage: func() int { return 10 }}).Socket})
	_, errStatus := c.Status(t.Context())
	_, errClients := c.Clients(t.Context(), api.ClientsParams{})
	_, errRooms := c.Rooms(t.Context(), api.RoomsParams{})
	_, errLarge := c.Send(t.Context(), api.SendParams{To: api.Targets{"a"}, Data: "01234567890"})
	_, errHuge := c.Send(t.Context(), api.SendParams{To: api.Targets{"a"}, Data: string(make([]byte, 1<<20))})
	_, errParams := c.Kick(t.Context(), api.KickParams{})
	kinds := []error{api.ErrNotAllowed, api.ErrNotFound, api.ErrOverloaded, api.ErrTooLarge, api.ErrTimeout, api.ErrUnreachable}
	for name, tt := range map[string]struct {
		err  error
		kind int // in kinds; -1: none
	}{
		"status":  {errStatus, 0},
		"clients": {errClients, 1},
		"rooms":   {errRooms, 2},
		"large":   {errLarge, 3},
		"huge":    {errHuge, 3},
		"params":  {errParams, -1},
	} {
		var e *api.Error
		if !errors.As(tt.err, &e) || e.Message == "" || e.Hint == "" {
			t.Errorf("%s: got %#v", name, tt.err)
		}
		for i, kind := range kinds {
			if want := i == tt.kind; errors.Is(tt.err, kind) != want {
				t.Errorf("%s: errors.Is(%v, %v) is %t", name, tt.err, kind, !want)
			}
		}
	}
}

func TestClientTimesOut(t *testing.T) {
	b := &admintest.Backend{OnMatched: func(ctx context.Context, _ string) error {
		<-ctx.Done()
		return ctx.Err()
	}}
	doors := admintest.Start(t, b)
	c := admintest.Dial(t, client.Options{Socket: doors.Socket, Timeout: 50 * time.Millisecond})
	_, err := c.Send(t.Context(), api.SendParams{To: api.Targets{"a"}, Data: "x"})
	if !errors.Is(err, api.ErrTimeout) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Status(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, api.ErrUnreachable) {
		t.Errorf("got %v", err)
	}
	stop, cancel := context.WithCancel(t.Context())
	cancel()
	_ = doors.Server.Shutdown(stop) // cuts the waiting answer off
}

func TestClientLosesItsConnection(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = bufio.NewReader(c).ReadString('\n')
		c.Close()
	}()
	c := admintest.Dial(t, client.Options{Socket: path})
	for range 2 { // while it waits, and afterwards
		if _, err := c.Status(t.Context()); !errors.Is(err, api.ErrUnreachable) {
			t.Errorf("got %v", err)
		}
	}
}

func TestDialFindsTheSocket(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", dir)
	if got, want := api.DevSocket(), filepath.Join(dir, "hassesd", "control.sock"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if _, err := os.Lstat(api.DefaultSocket); err == nil {
		t.Skip("a hassesd is installed on this machine")
	}
	if _, err := client.Dial(t.Context(), client.Options{}); !errors.Is(err, api.ErrUnreachable) {
		t.Errorf("got %v", err)
	}
	admintest.StartServer(t, server.Options{Backend: &admintest.Backend{}}, func(s *server.Server) {
		if err := s.ListenUnix(api.DevSocket(), 0o600, -1); err != nil {
			t.Fatal(err)
		}
	})
	if _, err := admintest.Dial(t, client.Options{}).Hello(t.Context()); err != nil {
		t.Error(err)
	}

	t.Setenv("XDG_RUNTIME_DIR", "")
	t.Setenv("TMPDIR", dir)
	if got, want := api.DevSocket(), filepath.Join(dir, fmt.Sprintf("hassesd-%d", os.Geteuid()), "control.sock"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestDialRefusals(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	l.Close()
	for _, tt := range []struct {
		o    client.Options
		kind error // nil: none of ours
		text string
	}{
		{client.Options{Socket: missing}, api.ErrUnreachable, "no such file"},
		{client.Options{TCP: closed}, api.ErrUnreachable, "refused"},
		{client.Options{TCP: "192.0.2.1:9085"}, nil, "SSH tunnel"},
		{client.Options{TCP: "example.org:9085"}, nil, "SSH tunnel"},
		{client.Options{TCP: "9085"}, nil, "want host:port"},
		{client.Options{TCP: closed, Cert: "c", Key: "k"}, nil, "give --ca"},
		{client.Options{TCP: closed, CA: missing}, nil, "no such file"},
		{client.Options{Socket: missing, CA: missing}, nil, "--tcp"},
	} {
		_, err := client.Dial(t.Context(), tt.o)
		if err == nil || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("got %v, want an error with %q", err, tt.text)
		}
		if got := errors.Is(err, api.ErrUnreachable); got != (tt.kind != nil) {
			t.Errorf("%+v: %v", tt.o, err)
		}
	}
}

func TestClientTLSReadsAllOfItsFiles(t *testing.T) {
	authority := admintest.NewAuthority(t)
	own := authority.Client("test:x")
	good := client.Options{TCP: "localhost:1", CA: authority.File, Cert: own.CertFile, Key: own.KeyFile}
	if _, err := client.Dial(t.Context(), good); !errors.Is(err, api.ErrUnreachable) {
		t.Fatal(err)
	}
	damaged := func(path string) string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		bad := filepath.Join(t.TempDir(), "bad.pem")
		if err := os.WriteFile(bad, append(text, text[:len(text)-40]...), 0o600); err != nil {
			t.Fatal(err)
		}
		return bad
	}
	for name, change := range map[string]func(*client.Options){
		"authority":   func(o *client.Options) { o.CA = damaged(o.CA) },
		"certificate": func(o *client.Options) { o.Cert = damaged(o.Cert) },
		"key":         func(o *client.Options) { o.Key = damaged(o.Key) },
	} {
		o := good
		change(&o)
		if _, err := client.Dial(t.Context(), o); err == nil || !strings.Contains(err.Error(), "bad.pem: line ") {
			t.Errorf("%s with a second block cut off: %v", name, err)
		}
	}
}
