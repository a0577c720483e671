package server_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/admin/admintest"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/server"
	"github.com/hassesd/hassesd/internal/listen"
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

func TestUnixDoor(t *testing.T) {
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

// Whoever watches the path never sees a socket that is open to more than it will be.
func TestUnixDoorIsNeverOpenTooWide(t *testing.T) {
	dir := t.TempDir()
	for i := range 50 {
		path := filepath.Join(dir, strconv.Itoa(i))
		watching, seen := make(chan struct{}), make(chan uint32, 1)
		go func() {
			close(watching)
			var st unix.Stat_t
			widest := uint32(0)
			for widest&0o060 == 0 { // until its mode is the final one
				if unix.Lstat(path, &st) == nil {
					widest |= st.Mode
				}
			}
			seen <- widest &^ unix.S_IFMT
		}()
		<-watching
		if err := newServer(t, &admintest.Backend{}).ListenUnix(path, 0o660, -1); err != nil {
			t.Fatal(err)
		}
		if got := <-seen; got != 0o660 {
			t.Fatalf("seen with mode %o", got)
		}
	}
}

func TestUnixDoorReplacesTheSocketOfADeadDaemon(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	b := &admintest.Backend{}
	s := newServer(t, b)
	if err := s.ListenUnix(path, 0o600, -1); err != nil {
		t.Fatal(err)
	}
	s.Serve()
	connect(t, "unix", path).send("a=1\n")
	wantSent(t, b, "a=1")
}

func TestUnixDoorLeavesOthersAlone(t *testing.T) {
	dir := t.TempDir()
	alive := filepath.Join(dir, "alive")
	if err := newServer(t, &admintest.Backend{}).ListenUnix(alive, 0o600, -1); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(filepath.Join(dir, "elsewhere"), link); err != nil {
		t.Fatal(err)
	}
	open := filepath.Join(dir, "open")
	if err := os.Mkdir(open, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}

	s := newServer(t, &admintest.Backend{})
	wantErr(t, s.ListenUnix(alive, 0o600, -1), "another daemon answers there")
	wantErr(t, s.ListenUnix(file, 0o600, -1), "not a socket")
	wantErr(t, s.ListenUnix(link, 0o600, -1), "not a socket")
	wantErr(t, s.ListenUnix(dir, 0o600, -1), "not a socket")
	wantErr(t, s.ListenUnix(filepath.Join(file, "s"), 0o600, -1), "not a directory")
	wantErr(t, s.ListenUnix(filepath.Join(open, "s"), 0o600, -1), "everybody may write")
	wantErr(t, s.ListenUnix(filepath.Join(dir, strings.Repeat("x", 108)), 0o600, -1), "and a socket's can have 107")

	if got, err := os.ReadFile(file); err != nil || string(got) != "precious" {
		t.Errorf("the file now holds %q, %v", got, err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "elsewhere")); !os.IsNotExist(err) {
		t.Errorf("a link was followed: %v", err)
	}
	connect(t, "unix", alive) // still answered by its owner
}

func TestUnixDoorRemovesOnlyItsOwn(t *testing.T) {
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

func TestTCPDoor(t *testing.T) {
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

func TestFIFOLeavesOthersAlone(t *testing.T) {
	dir := t.TempDir()
	fifo := func(name string, mode uint32) string {
		path := filepath.Join(dir, name)
		if err := unix.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := unix.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(fifo("good", 0o620), link); err != nil {
		t.Fatal(err)
	}
	s := newServer(t, &admintest.Backend{})
	wantErr(t, s.OpenFIFO(file, 0o620, -1), "not a FIFO")
	wantErr(t, s.OpenFIFO(link, 0o620, -1), "symbolic link")
	wantErr(t, s.OpenFIFO(fifo("open", 0o622), 0o620, -1), "everybody may write")
	wantErr(t, s.OpenFIFO(filepath.Join(dir, "none", "f"), 0o620, -1), syscall.ENOENT.Error())
	wantMode(t, filepath.Join(dir, "open"), 0o622)
}

func TestModeOfTheFIFO(t *testing.T) {
	const absent = 0
	for _, tt := range []struct{ found, mode uint32 }{
		{absent, 0o620},
		{absent, 0o600},
		{absent, 0o666}, // as hasses made it
		{0o600, 0o620},
		{0o644, 0o620}, // as hasses left it under the usual umask
		{0o660, 0o620},
		{0o620, 0o660},
		{0o620, 0o620},
		{0o666, 0o666},
		{0o620, 0o666},
	} {
		path := filepath.Join(t.TempDir(), "f")
		if tt.found != absent {
			if err := errors.Join(unix.Mkfifo(path, 0o600), unix.Chmod(path, tt.found)); err != nil {
				t.Fatal(err)
			}
		}
		if err := newServer(t, &admintest.Backend{}).OpenFIFO(path, os.FileMode(tt.mode), os.Getegid()); err != nil {
			t.Errorf("%o for %o: %v", tt.found, tt.mode, err)
		}
		wantMode(t, path, tt.mode)
	}
}

func TestGroupOfTheFIFO(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files to any group")
	}
	const first, second = 54001, 54002
	path := filepath.Join(t.TempDir(), "f")
	for _, gid := range []int{first, second, second} {
		server := newServer(t, &admintest.Backend{})
		if err := server.OpenFIFO(path, 0o620, gid); err != nil {
			t.Fatal(err)
		}
		wantMode(t, path, 0o620)
		if got := statOf(t, path).Gid; int(got) != gid {
			t.Errorf("group %d, want %d", got, gid)
		}
		stop(t, server)
	}
}

// Two who read one FIFO would each get some of the commands.
func TestFIFOThatAnotherReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	first := newServer(t, &admintest.Backend{})
	if err := first.OpenFIFO(path, 0o620, -1); err != nil {
		t.Fatal(err)
	}
	if err := newServer(t, &admintest.Backend{}).OpenFIFO(path, 0o620, -1); !errors.Is(err, listen.ErrFIFOInUse) {
		t.Errorf("a second reader: %v", err)
	}
	stop(t, first)
	if err := newServer(t, &admintest.Backend{}).OpenFIFO(path, 0o620, -1); err != nil {
		t.Errorf("the reader is gone: %v", err)
	}
}

// What root made for the daemon is used as it is.
func TestFIFOOfRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be somebody else")
	}
	dir := openDir(t)
	path := filepath.Join(dir, "f")
	if err := errors.Join(unix.Mkfifo(path, 0o600), unix.Chmod(path, 0o660), unix.Chown(path, 0, otherUser)); err != nil {
		t.Fatal(err)
	}
	s := newServer(t, &admintest.Backend{})
	if err := asOtherUser(func() {
		if err := s.OpenFIFO(path, 0o620, otherUser); err != nil {
			t.Error(err)
		}
	}); err != nil {
		t.Fatal(err)
	}
	wantMode(t, path, 0o660)
}
