package systemdtest

import (
	"net"
	"os"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hassesd/hassesd/internal/systemd"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestManager(t *testing.T) {
	t.Parallel()
	m := New(t)
	n, err := systemd.Dial(m.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = n.Close() }()
	tell := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	tell(n.Notify(systemd.Ready, systemd.Status("x")))
	tell(n.Notify(systemd.Alive))
	tell(n.Notify(systemd.Stopping))
	m.AwaitLine("STOPPING=1")
	if got := m.Life(); !slices.Equal(got, []string{"READY=1", "STOPPING=1"}) || m.Count("WATCHDOG=1") != 1 {
		t.Errorf("heard %q", m)
	}

	// The same socket is kept once, under the name it had first; another one besides.
	a, b := socket(t), socket(t)
	tell(n.Store("kept-https", int(a.Fd())))
	tell(n.Store("kept-https", int(a.Fd())))
	tell(n.Store("kept-http", int(b.Fd())))
	tell(n.Barrier(30 * time.Second))
	if stored := m.Stored(); len(stored) != 2 || stored[0].Name != "kept-https" || stored[1].Name != "kept-http" || !sameFile(stored[0].File, a) {
		t.Errorf("stored %+v", stored)
	}
	m.Forget()
	tell(n.Remove("kept-https"))
	tell(n.Barrier(30 * time.Second))
	if stored := m.Stored(); len(stored) != 1 || len(m.Life()) != 0 {
		t.Errorf("stored %+v, life %q", stored, m.Life())
	}
}

func socket(t *testing.T) *os.File {
	t.Helper()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	f, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}
