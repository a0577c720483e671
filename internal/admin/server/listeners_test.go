package server_test

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/admin/admintest"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/server"
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

func statOf(t *testing.T, path string) unix.Stat_t {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return st
}

func wantMode(t *testing.T, path string, want uint32) {
	t.Helper()
	if got := statOf(t, path).Mode &^ unix.S_IFMT; got != want {
		t.Errorf("%s has mode %o, want %o", path, got, want)
	}
}

func wantErr(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v, want an error with %q", err, text)
	}
}

func TestListenUnix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run", "hassesd", "control.sock")
	s := newServer(t, &admintest.Backend{})
	gid := os.Getegid()
	if err := s.ListenUnix(path, 0o660, gid); err != nil {
		t.Fatal(err)
	}
	wantMode(t, path, 0o660)
	wantMode(t, filepath.Dir(path), 0o750)
	if st := statOf(t, path); int(st.Gid) != gid || st.Mode&unix.S_IFMT != unix.S_IFSOCK {
		t.Errorf("group %d, mode %o", st.Gid, st.Mode)
	}
	stop(t, s)
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the socket is still there: %v", err)
	}

	path = filepath.Join(t.TempDir(), "run", "control.sock")
	s = newServer(t, &admintest.Backend{})
	if err := s.ListenUnix(path, 0o666, gid); err != nil {
		t.Fatal(err)
	}
	wantMode(t, path, 0o666)
	wantMode(t, filepath.Dir(path), 0o751) // or others would not get to it
	stop(t, s)
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
	for _, addr := range []string{"127.0.0.1:0", "localhost:0", ":0", "127.1.2.3:0"} {
		got, err := s.ListenTCP(addr)
		if err != nil {
			t.Fatal(err)
		}
		if a := got.(*net.TCPAddr); !a.IP.IsLoopback() || a.Port == 0 {
			t.Errorf("%s opened %s", addr, got)
		}
	}
	for _, addr := range []string{"0.0.0.0:0", "[::]:0", "192.0.2.1:9085", "[2001:db8::1]:9085", "example.org:9085"} {
		_, err := s.ListenTCP(addr)
		wantErr(t, err, "not a loopback address")
		wantErr(t, err, "mutual TLS")
		wantErr(t, err, "SSH tunnel")
	}
	_, err := s.ListenTCP("9085")
	wantErr(t, err, "want host:port")
	busy, err := s.ListenTCP("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.ListenTCP(busy.String())
	wantErr(t, err, "address already in use")

	s.Serve()
	connect(t, "tcp", busy.String()).send("a=1\n")
	wantSent(t, b, "a=1")
	_, err = s.ListenTCP("127.0.0.1:0")
	wantErr(t, err, "already serving")
	wantErr(t, s.ListenUnix(filepath.Join(t.TempDir(), "s"), 0o600, -1), "already serving")
	wantErr(t, s.OpenFIFO(filepath.Join(t.TempDir(), "f"), 0o620, -1), "already serving")
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
	wantMode(t, doors.FIFO, 0o620)
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
		wantMode(t, path, 0o620) // left for the scripts that write to it
	}
}
