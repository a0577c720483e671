// Package systemdtest plays the service manager for tests: it hears what a service tells it, and keeps the descriptors
// that it is given.
package systemdtest

import (
	"bytes"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a test waits for what must be said.
const patience = 30 * time.Second

// Manager listens until the test ends.
type Manager struct {
	Address string // for NOTIFY_SOCKET

	t     testing.TB
	conn  *net.UnixConn
	ended chan struct{}

	mu      sync.Mutex // guards what follows
	said    []string   // one thing a line, in order; STATUS=a, READY=1
	stored  []Stored
	changed chan struct{} // closed when something was said
}

// Stored is a descriptor that the manager keeps.
type Stored struct {
	Name string
	File *os.File
}

// New starts a manager.
func New(t testing.TB) *Manager {
	t.Helper()
	// Not t.TempDir: with the test's name in it, it may be longer than an address can be.
	dir, err := os.MkdirTemp("", "manager-") //nolint:usetesting // the reason is above
	if err != nil {
		t.Fatal(err)
	}
	m := &Manager{Address: filepath.Join(dir, "notify"), t: t, ended: make(chan struct{}), changed: make(chan struct{})}
	m.conn, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: m.Address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	go m.hear()
	t.Cleanup(func() {
		_ = m.conn.Close()
		<-m.ended
		m.mu.Lock()
		defer m.mu.Unlock()
		for _, s := range m.stored {
			s.File.Close()
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return m
}

func (m *Manager) hear() {
	defer close(m.ended)
	buf, oob := make([]byte, 4096), make([]byte, 1024)
	for {
		n, oobn, _, _, err := m.conn.ReadMsgUnix(buf, oob)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			m.t.Errorf("service manager: %v", err)
			return
		}
		m.take(string(buf[:n]), m.files(oob[:oobn]))
	}
}

// files reads the descriptors of a datagram.
func (m *Manager) files(oob []byte) []*os.File {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		m.t.Errorf("service manager: %v", err)
	}
	var files []*os.File
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			m.t.Errorf("service manager: %v", err)
		}
		for _, fd := range fds {
			unix.CloseOnExec(fd)
			files = append(files, os.NewFile(uintptr(fd), "handed over"))
		}
	}
	return files
}

func (m *Manager) take(datagram string, files []*os.File) {
	m.mu.Lock()
	defer m.mu.Unlock()
	lines := strings.Split(datagram, "\n")
	m.said = append(m.said, lines...)
	var name string
	for _, line := range lines {
		if value, ok := strings.CutPrefix(line, "FDNAME="); ok {
			name = value
		}
	}
	switch {
	case slices.Contains(lines, "FDSTORE=1"):
		for _, f := range files {
			m.store(Stored{name, f})
		}
	case slices.Contains(lines, "FDSTOREREMOVE=1"):
		m.stored = slices.DeleteFunc(m.stored, func(s Stored) bool {
			if s.Name == name {
				s.File.Close()
			}
			return s.Name == name
		})
	default: // BARRIER=1 is over when this end is closed
		for _, f := range files {
			f.Close()
		}
	}
	close(m.changed)
	m.changed = make(chan struct{})
}

// store keeps a descriptor, but one that is the same as another it has, as systemd does.
func (m *Manager) store(s Stored) {
	for _, other := range m.stored {
		if sameFile(other.File, s.File) {
			s.File.Close()
			return
		}
	}
	m.stored = append(m.stored, s)
}

func sameFile(a, b *os.File) bool {
	aInfo, aErr := a.Stat()
	bInfo, bErr := b.Stat()
	return aErr == nil && bErr == nil && os.SameFile(aInfo, bInfo)
}

// Said is everything that was said so far, a thing a line.
func (m *Manager) Said() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.said)
}

// Count is how often this was said so far.
func (m *Manager) Count(line string) int {
	n := 0
	for _, l := range m.Said() {
		if l == line {
			n++
		}
	}
	return n
}

// Forget forgets what was said, but not what is kept.
func (m *Manager) Forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.said = nil
}

// Await waits until is answers true of what was said.
func (m *Manager) Await(what string, is func(said []string) bool) {
	m.t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		m.mu.Lock()
		ok, changed := is(m.said), m.changed
		m.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-timeout.C:
			m.t.Fatalf("the service manager was not told: %s; it was told %q", what, m.Said())
		}
	}
}

// AwaitLine waits until a line was said.
func (m *Manager) AwaitLine(line string) {
	m.t.Helper()
	m.Await(line, func(said []string) bool { return slices.Contains(said, line) })
}

// Stored is what is kept now, in the order of its coming. The files are copies, which the end of the test closes.
func (m *Manager) Stored() []Stored {
	m.mu.Lock()
	defer m.mu.Unlock()
	var stored []Stored
	for _, s := range m.stored {
		stored = append(stored, Stored{s.Name, m.duplicate(s.File)})
	}
	return stored
}

// duplicate does not use File.Fd, which would make the socket block for the process that serves it, too.
func (m *Manager) duplicate(f *os.File) *os.File {
	raw, err := f.SyscallConn()
	if err != nil {
		m.t.Fatal(err)
	}
	var fd int
	var failed error
	if err := raw.Control(func(own uintptr) { fd, failed = unix.FcntlInt(own, unix.F_DUPFD_CLOEXEC, 3) }); err != nil || failed != nil {
		m.t.Fatal(err, failed)
	}
	same := os.NewFile(uintptr(fd), f.Name())
	m.t.Cleanup(func() { same.Close() })
	return same
}

// Life is what was said without what may come at any time: status, watchdog, times and descriptors.
func (m *Manager) Life() []string {
	var life []string
	for _, line := range m.Said() {
		if name, _, _ := strings.Cut(line, "="); slices.Contains([]string{"READY", "RELOADING", "STOPPING"}, name) {
			life = append(life, line)
		}
	}
	return life
}

// String is what was said, for the log of a test.
func (m *Manager) String() string {
	var b bytes.Buffer
	for _, line := range m.Said() {
		b.WriteString(line + "\n")
	}
	return b.String()
}
