package admintest

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/hassesd/hassesd/internal/admin/client"
	"github.com/hassesd/hassesd/internal/admin/server"
)

// Endpoints are where a control server listens.
type Endpoints struct {
	Socket string // path
	TCP    string // host:port
	FIFO   string // path

	Server *server.Server // to change its rules
}

// Start serves b on a Unix socket, on TCP and on a FIFO until the test ends.
func Start(t testing.TB, b server.Backend) Endpoints {
	t.Helper()
	return StartServer(t, server.Options{Backend: b})
}

// StartServer does the same with options of the test's own, and what prepare makes of the server;
// without a Logger nothing is logged.
func StartServer(t testing.TB, o server.Options, prepare ...func(*server.Server)) Endpoints {
	t.Helper()
	if o.Publisher == nil {
		o.Publisher, _ = o.Backend.(server.Publisher)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := server.New(o)
	dir := t.TempDir()
	d := Endpoints{Socket: filepath.Join(dir, "s"), FIFO: filepath.Join(dir, "f"), Server: s}
	if err := s.ListenUnix(d.Socket, 0o600, -1); err != nil {
		t.Fatal(err)
	}
	addr, err := s.ListenTCP("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d.TCP = addr.String()
	if err := s.OpenFIFO(d.FIFO, 0o620, -1); err != nil {
		t.Fatal(err)
	}
	for _, change := range prepare {
		change(s)
	}
	s.Serve()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("shut the control server down: %v", err)
		}
	})
	return d
}

// Dial opens a connection that is closed when the test ends.
func Dial(t testing.TB, o client.Options) *client.Conn {
	t.Helper()
	c, err := client.Dial(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}
