package supervise

import (
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hassesd/hassesd/internal/systemd/systemdtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// meet returns the manager that a test plays.
func meet(t *testing.T) (*Manager, *systemdtest.Manager) {
	t.Helper()
	played := systemdtest.New(t)
	m, _, err := Meet([]string{"NOTIFY_SOCKET=" + played.Address}, os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m, played
}

func TestTheManagerIsToldOfALife(t *testing.T) {
	m, played := meet(t)
	m.Ready()
	done := m.Reloading()
	done()
	interrupted := m.Reloading()
	m.Stopping()
	interrupted()   // says nothing any more
	m.Reloading()() // nor does this
	played.AwaitLine("STATUS=draining")
	want := []string{"READY=1", "RELOADING=1", "READY=1", "RELOADING=1", "STOPPING=1"}
	if err := m.Barrier(time.Minute); err != nil {
		t.Fatal(err)
	}
	if got := played.Life(); !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

func TestAFailedStartIsExplained(t *testing.T) {
	m, played := meet(t)
	m.Failed(errors.New("no certificate"))
	played.AwaitLine("STATUS=cannot start: no certificate")
}

func TestSocketsAreStoredAndForgotten(t *testing.T) {
	m, played := meet(t)
	fd, _ := listening(t)
	all := Sockets{{Name: HTTPS, IsStored: true, fd: fd}}
	if !m.Store(HTTPS, fd) {
		t.Error("not stored")
	}
	if err := m.Barrier(time.Minute); err != nil {
		t.Fatal(err)
	}
	if stored := played.Stored(); len(stored) != 1 || stored[0].Name != "kept-https" {
		t.Errorf("stored: %+v", stored)
	}
	m.Discard(nil) // nothing to do
	m.Discard(all)
	if stored := played.Stored(); len(stored) != 0 || !all[0].IsTaken() {
		t.Errorf("still stored: %+v, %+v", stored, all[0])
	}
	m.Forget()
	if err := m.Barrier(time.Minute); err != nil {
		t.Fatal(err)
	}
	for _, name := range socketNames {
		if played.Count("FDNAME=kept-"+name) == 0 {
			t.Errorf("%s is not forgotten", name)
		}
	}
}

func TestWithoutAManagerNothingHappens(t *testing.T) {
	m, sockets, err := Meet(nil, os.Getpid())
	if err != nil || len(sockets) != 0 || m.IsPresent() {
		t.Fatalf("%+v, %v, %v", m, sockets, err)
	}
	m.Ready()
	m.RunStatus(nil, nil) // returns at once
	m.WatchLoops(nil)
	m.Stopping()
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}

func TestAManagerThatCannotBeReachedIsLogged(t *testing.T) {
	m, _, err := Meet([]string{"NOTIFY_SOCKET=/nowhere/notify"}, os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	m.LogTo(slog.New(slog.NewTextHandler(&log, nil)))
	if !strings.Contains(log.String(), "cannot be told") || m.IsPresent() {
		t.Errorf("present: %t, log: %s", m.IsPresent(), &log)
	}
}
