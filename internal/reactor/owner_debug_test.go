//go:build reactordebug

package reactor_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/reactor"
	"github.com/hassesd/hassesd/internal/reactor/reactortest"
)

// panics returns what fn panics with, or "".
func panics(fn func()) (text string) {
	defer func() {
		if v := recover(); v != nil {
			text = v.(string)
		}
	}()
	fn()
	return ""
}

// TestLoopMethodsPanicOnOtherGoroutines calls everything that belongs to a loop
// on the goroutine of the test while the loop runs on another one.
func TestLoopMethodsPanicOnOtherGoroutines(t *testing.T) {
	k := reactortest.NewKernel()
	l, _ := reactortest.NewLoop(t, k, reactor.Options{})
	fd, _ := k.Connect()
	s := addStream(t, l, fd) // before Run anybody may
	levelFD, _ := k.Connect()
	var level, paused reactor.Source
	pausedFD, _ := k.Connect()
	listenFD, _ := k.Listen()
	if err := l.AddLevel(&level, levelFD, s); err != nil {
		t.Fatal(err)
	}
	if err := l.AddLevel(&paused, pausedFD, s); err != nil {
		t.Fatal(err)
	}
	paused.Pause()
	a, err := reactor.NewAcceptor(l, listenFD, func(int, netip.AddrPort) bool { return true })
	if err != nil {
		t.Fatal(err)
	}

	running, ended := make(chan struct{}), make(chan error)
	if err := l.Post(func() { close(running) }); err != nil {
		t.Fatal(err)
	}
	go func() { ended <- l.Run() }()
	<-running

	var timer reactor.Timer
	for name, call := range map[string]func(){
		"Add":          func() { _ = l.Add(new(reactor.Source), fd, s) },
		"AddLevel":     func() { _ = l.AddLevel(new(reactor.Source), fd, s) },
		"Close":        s.Close,
		"Abort":        s.Abort,
		"Again":        s.Again,
		"Pause":        level.Pause,
		"Resume":       func() { _ = paused.Resume() },
		"Schedule":     func() { l.Schedule(&timer, &s.handler, time.Time{}) },
		"Cancel":       func() { l.Cancel(&timer) },
		"SetEndOfTurn": func() { l.SetEndOfTurn(nil) },
		"Sources":      func() { l.Sources() },
		"Check":        func() { _ = l.Check() },
		"Turn":         func() { _ = l.Turn(0) },
		"Run":          func() { _ = l.Run() },

		"Acceptor.Pause":  a.Pause,
		"Acceptor.Resume": a.Resume,
		"Acceptor.Paused": func() { a.Paused() },
		"Acceptor.Stats":  func() { a.Stats() },
		"Acceptor.Close":  a.Close,
	} {
		if text := panics(call); !strings.HasPrefix(text, "reactor: internal error: ") {
			t.Errorf("%s: panic %q", name, text)
		}
	}

	// These may be called by anybody.
	if _, err := s.Write([]byte("x")); err != nil {
		t.Error(err)
	}
	l.Wake()
	l.Stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	// And when the loop has ended, so may the others.
	s.Close()
	if err := l.Check(); err != nil {
		t.Error(err)
	}
}
