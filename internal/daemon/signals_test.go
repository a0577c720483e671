package daemon

import (
	"bytes"
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/config"
)

// raising is a signal that this process sends to itself. Every daemon in it hears it, so that the
// tests here are not parallel, and the process does not die of it.
type raising struct {
	t     *testing.T
	sig   syscall.Signal
	heard chan os.Signal
}

func raise(t *testing.T, sig syscall.Signal) *raising {
	r := &raising{t, sig, make(chan os.Signal, 1)}
	signal.Notify(r.heard, sig)
	t.Cleanup(func() { signal.Stop(r.heard) })
	return r
}

// once sends it, and waits until it has come: another one sent before that would be the same to the
// kernel.
func (r *raising) once() {
	if err := syscall.Kill(os.Getpid(), r.sig); err != nil {
		r.t.Error(err)
		return
	}
	select {
	case <-r.heard:
	case <-time.After(patience):
		r.t.Errorf("%s does not come", r.sig)
	}
}

func TestPendingReloadsDoNotCostTheStop(t *testing.T) {
	r := start(t, "[drain]\nwindow = \"0s\"\n")
	hup, term := raise(t, syscall.SIGHUP), raise(t, syscall.SIGTERM)
	r.daemon.reloading.Lock() // a reload that hangs
	for range 20 {
		hup.once()
	}
	term.once()
	defer r.daemon.reloading.Unlock()
	select {
	case err := <-r.stopped:
		r.stopped <- err
	case <-time.After(patience):
		t.Fatal("the daemon goes on after SIGTERM")
	}
}

func TestASIGHUPDuringTheStartIsAReload(t *testing.T) {
	s := startDisturbed(t, t.TempDir(), "msg=starting", raise(t, syscall.SIGHUP).once)
	s.waitFor("the reload", func() bool { return strings.Contains(s.logs.String(), "msg=reloaded") })
	s.end()
}

func TestASIGTERMDuringTheStartLosesNoHistory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	r := start(t, keeping(dir))
	last := r.send("a", "one")
	r.end()

	s := startDisturbed(t, dir, "history restored", raise(t, syscall.SIGTERM).once)
	select {
	case err := <-s.stopped:
		s.stopped <- err
	case <-time.After(patience):
		t.Fatal("the daemon goes on after SIGTERM")
	}
	if !exists(filepath.Join(dir, "history.db")) {
		t.Fatal("the history is gone")
	}
	if got := start(t, keeping(dir)).status().LastEventID; got != last {
		t.Errorf("after a start that was ended: %s, want %s", got, last)
	}
}

// startDisturbed starts a daemon, and calls disturb while it logs the text.
func startDisturbed(t *testing.T, stateDir, text string, disturb func()) *running {
	t.Helper()
	load := func() (config.Settings, error) {
		return config.Load(config.Sources{Flags: []config.Assignment{
			{Flag: "dev", Value: "true"},
			{Flag: "listen", Value: "https://127.0.0.1:0"},
			{Flag: "state-dir", Value: stateDir},
			{Flag: "control-socket", Value: filepath.Join(t.TempDir(), "s")},
		}})
	}
	settings, err := load()
	if err != nil {
		t.Fatal(err)
	}
	r := &running{t: t, logs: &logBuffer{}, stopped: make(chan error, 1)}
	o := Options{Settings: settings, Reload: load, Stderr: &disturbedLog{r.logs, text, disturb}}
	ctx, cancel := context.WithCancel(t.Context())
	r.stop = cancel
	r.daemon = newDaemon(o)
	go func() { r.stopped <- r.daemon.run(ctx, o) }()
	t.Cleanup(func() {
		cancel()
		if err := <-r.stopped; err != nil {
			t.Errorf("the daemon ended with: %v", err)
		}
		if t.Failed() {
			t.Log(r.logs)
		}
	})
	return r
}

// disturbedLog calls a function before a line with the text is written. Its writer waits for it.
type disturbedLog struct {
	*logBuffer
	text    string
	disturb func()
}

func (l *disturbedLog) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(l.text)) {
		l.disturb()
	}
	return l.logBuffer.Write(p)
}
