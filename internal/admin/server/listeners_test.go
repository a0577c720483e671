package server_test

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/admin/admintest"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/server"
	"github.com/hassesd/hassesd/internal/listen/listentest"
)

// daemon is what a server acts on and publishes through.
type daemon interface {
	server.Backend
	server.Publisher
}

func newServer(t *testing.T, b daemon) *server.Server {
	t.Helper()
	s := server.New(server.Options{Backend: b, Publisher: b, Logger: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() { stop(t, s) })
	return s
}

// stop ends a server, as often as one likes.
func stop(t *testing.T, s *server.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

func TestListenUnix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run", "hassesd", "control.sock")
	s := newServer(t, &admintest.Backend{})
	if err := s.ListenUnix(path, 0o660, os.Getegid()); err != nil {
		t.Fatal(err)
	}
	listentest.WantMode(t, path, 0o660)
	stop(t, s)
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the socket is still there: %v", err)
	}
}

func TestStoppedServerRemovesOnlyItsOwnSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	first := newServer(t, &admintest.Backend{})
	if err := first.ListenUnix(path, 0o600, -1); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := newServer(t, &admintest.Backend{}).ListenUnix(path, 0o600, -1); err != nil {
		t.Fatal(err)
	}
	stop(t, first)
	connect(t, "unix", path)
}

func TestListenTCP(t *testing.T) {
	b := &admintest.Backend{}
	s := newServer(t, b)
	addr, err := s.ListenTCP(":0")
	if err != nil {
		t.Fatal(err)
	}
	if a := addr.(*net.TCPAddr); !a.IP.IsLoopback() || a.Port == 0 {
		t.Errorf("opened %s", addr)
	}
	_, err = s.ListenTCP("0.0.0.0:0")
	listentest.WantErr(t, err, "not a loopback address")

	s.Serve()
	connect(t, "tcp", addr.String()).send("a=1\n")
	wantSent(t, b, "a=1")
	_, err = s.ListenTCP("127.0.0.1:0")
	listentest.WantErr(t, err, "already serving")
	listentest.WantErr(t, s.ListenUnix(filepath.Join(t.TempDir(), "s"), 0o600, -1), "already serving")
	listentest.WantErr(t, s.OpenFIFO(filepath.Join(t.TempDir(), "f"), 0o620, -1), "already serving")
}

// openFIFO opens the writing end as a shell would.
func openFIFO(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestFIFO(t *testing.T) {
	b := newBackendWithNumbers()
	var log records
	doors := admintest.StartServer(t, server.Options{Backend: b, Publisher: b, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	listentest.WantMode(t, doors.FIFO, 0o620)
	for _, text := range []string{"a=1\n", "b=2;c=3", "status\nnonsense\nd=4\r\n"} { // it outlives its writers
		f := openFIFO(t, doors.FIFO)
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
		f.Close()
		if text == "b=2;c=3" {
			wantSent(t, b, "a=1", "b=2", "c=3") // the pause ends the last one
		}
	}
	wantSent(t, b, "a=1", "b=2", "c=3", "d=4")
	if got := b.WaitRefusals(t, 1); got[0] != string(api.RefusedSyntax) {
		t.Errorf("refused for %v", got)
	}
	for _, want := range []string{`command=status line="Pid: 7"`, "door=fifo", "column=1"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log has no %s:\n%s", want, log.String())
		}
	}

	f := openFIFO(t, doors.FIFO)
	if _, err := f.WriteString("{\"jsonrpc\":\"2.0\",\"method\":\"drain\"}\nGET / HTTP/1.1\ne=5\n"); err != nil {
		t.Fatal(err)
	}
	wantSent(t, b, "a=1", "b=2", "c=3", "d=4", "e=5")
	if len(b.Drains()) > 0 {
		t.Error("the FIFO takes the JSON form")
	}
}

func TestFIFOIsReused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for range 2 {
		b := &admintest.Backend{}
		s := newServer(t, b)
		if err := s.OpenFIFO(path, 0o620, os.Getegid()); err != nil {
			t.Fatal(err)
		}
		s.Serve()
		f := openFIFO(t, path)
		if _, err := f.WriteString("a=1\n"); err != nil {
			t.Fatal(err)
		}
		wantSent(t, b, "a=1")
		stop(t, s)
		listentest.WantMode(t, path, 0o620) // left for the scripts that write to it
	}
}
