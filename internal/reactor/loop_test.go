package reactor_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/reactor"
	"github.com/hassesd/hassesd/internal/reactor/reactortest"
)

// handler is a Handler and TimerHandler made of functions.
type handler struct {
	events func(ev reactor.Events)
	timer  func(now time.Time)
}

func (h *handler) HandleEvents(ev reactor.Events) {
	if h.events != nil {
		h.events(ev)
	}
}

func (h *handler) HandleTimer(_ *reactor.Timer, now time.Time) { h.timer(now) }

// stream is a source with a handler that keeps what it is told.
type stream struct {
	reactor.Source
	handler
	seen []reactor.Events
}

func addStream(tb testing.TB, l *reactor.Loop, fd int) *stream {
	tb.Helper()
	s := &stream{}
	s.events = func(ev reactor.Events) { s.seen = append(s.seen, ev) }
	if err := l.Add(&s.Source, fd, s); err != nil {
		tb.Fatal(err)
	}
	return s
}

func check(tb testing.TB, l *reactor.Loop) {
	tb.Helper()
	if err := l.Check(); err != nil {
		tb.Error(err)
	}
}

// story collects words in the order in which things happen.
type story []string

func (s *story) tell(format string, args ...any) { *s = append(*s, fmt.Sprintf(format, args...)) }

func (s *story) want(tb testing.TB, words ...string) {
	tb.Helper()
	if !slices.Equal(*s, words) {
		tb.Errorf("happened: %q\n    want: %q", []string(*s), words)
	}
	*s = nil
}

func TestTurnOrder(t *testing.T) {
	k := reactortest.NewKernel()
	var told story
	l, _ := reactortest.NewLoop(t, k, reactor.Options{})
	l.SetEndOfTurn(func() bool {
		told.tell("end of turn, %d descriptors", k.Descriptors())
		return false
	})
	fd, peer := k.Connect()
	s := addStream(t, l, fd)
	s.events = func(reactor.Events) { told.tell("ready") }
	reactortest.Turn(t, 1, l)
	told.want(t, "ready", "end of turn, 1 descriptors")

	var timer reactor.Timer
	s.timer = func(now time.Time) {
		told.tell("deadline at %v", now.Equal(l.Now()))
		s.Close()
	}
	l.Schedule(&timer, s, l.Now().Add(time.Second))
	if err := l.Post(func() { told.tell("posted") }); err != nil {
		t.Fatal(err)
	}
	s.Again()
	s.events = func(ev reactor.Events) { told.tell("events %d", ev) }
	peer.Send([]byte("x"))
	k.Advance(time.Second)
	reactortest.Turn(t, 1, l)

	told.want(t, "posted", "events 3", "events 1", "deadline at true", "end of turn, 1 descriptors")
	if n := k.Descriptors(); n != 0 {
		t.Errorf("%d descriptors open after the turn", n)
	}
	check(t, l)
}

func TestAgainCallsOnceMoreInTheNextTurn(t *testing.T) {
	k := reactortest.NewKernel()
	l, _ := reactortest.NewLoop(t, k, reactor.Options{})
	fd, _ := k.Connect()
	s := addStream(t, l, fd)
	s.events = func(ev reactor.Events) {
		if s.seen = append(s.seen, ev); len(s.seen) < 4 {
			s.Again()
			s.Again() // asking twice is asking once
		}
	}
	for turn := 1; turn <= 5; turn++ {
		reactortest.Turn(t, 1, l)
		if want := min(turn, 4); len(s.seen) != want {
			t.Fatalf("turn %d: called %d times, want %d", turn, len(s.seen), want)
		}
	}
	if want := []reactor.Events{reactor.Writable, reactor.Readable, reactor.Readable, reactor.Readable}; !slices.Equal(s.seen, want) {
		t.Errorf("events %v, want %v", s.seen, want)
	}
}

func TestAgainOfAClosedSourceIsForgotten(t *testing.T) {
	k := reactortest.NewKernel()
	l, _ := reactortest.NewLoop(t, k, reactor.Options{})
	fd, _ := k.Connect()
	s := addStream(t, l, fd)
	reactortest.Turn(t, 1, l)
	s.Again()
	s.Close()
	s.Again()
	next, _ := k.Connect()
	other := addStream(t, l, next) // takes the same place in the table
	reactortest.Turn(t, 2, l)
	if len(s.seen) != 1 || len(other.seen) != 1 {
		t.Errorf("closed source called %d times, its successor %d; want 1, 1", len(s.seen), len(other.seen))
	}
	check(t, l)
}

func TestLoopDoesNotWaitWhileThereIsMoreToDo(t *testing.T) {
	k := reactortest.NewKernel()
	l, _ := reactortest.NewLoop(t, k, reactor.Options{})
	fd, _ := k.Connect()
	s := addStream(t, l, fd)
	reactortest.Turn(t, 1, l)

	asked := 0
	cases := map[string]func(){
		"the hook asks for more": func() {
			asked = 0
			l.SetEndOfTurn(func() bool { asked++; return asked == 1 })
			reactortest.Turn(t, 1, l)
		},
		"a source asks again": s.Again,
		"posted functions are left": func() {
			for range 257 {
				if err := l.Post(func() {}); err != nil {
					t.Fatal(err)
				}
			}
			reactortest.Turn(t, 1, l)
		},
		"somebody woke it": l.Wake,
		"a deadline has passed": func() {
			h := &handler{timer: func(time.Time) {}}
			l.Schedule(new(reactor.Timer), h, l.Now().Add(time.Second))
			k.Advance(time.Minute)
		},
	}
	for name, given := range cases {
		t.Run(name, func(t *testing.T) {
			given()
			began := time.Now()
			if err := l.Turn(time.Minute); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("waited %v", took)
			}
			l.SetEndOfTurn(nil)
		})
	}
}

func TestTimersThroughTheLoop(t *testing.T) {
	k := reactortest.NewKernel()
	l, _ := reactortest.NewLoop(t, k, reactor.Options{})
	fired := 0
	h := &handler{timer: func(time.Time) { fired++ }}
	var timer, cancelled reactor.Timer
	l.Schedule(&timer, h, l.Now().Add(time.Second))
	l.Schedule(&cancelled, h, l.Now().Add(time.Second))
	l.Cancel(&cancelled)
	l.Cancel(&cancelled)

	k.Advance(time.Second - 1)
	reactortest.Turn(t, 1, l)
	if fired != 0 || !timer.Pending() {
		t.Fatal("fired early")
	}
	k.Advance(1)
	reactortest.Turn(t, 1, l)
	if fired != 1 || timer.Pending() {
		t.Fatalf("fired %d times at its deadline", fired)
	}
	check(t, l)
}

func TestStopRunsWhatWasPosted(t *testing.T) {
	k := reactortest.NewKernel()
	l, p := reactortest.NewLoop(t, k, reactor.Options{})
	fd, peer := k.Connect()
	kept, _ := k.Connect()
	s, later := addStream(t, l, fd), addStream(t, l, kept)

	done := make(chan error)
	go func() { done <- l.Run() }()
	ran := 0
	for range 1000 {
		if err := l.Post(func() { ran++ }); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Post(s.Close); err != nil {
		t.Fatal(err)
	}
	l.Stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}

	if ran != 1000 {
		t.Errorf("%d of 1000 posted functions ran", ran)
	}
	if closed, _ := peer.Closed(); !closed || !p.Closed() {
		t.Error("loop kept descriptors that it should have closed")
	}
	if err := l.Post(func() {}); !errors.Is(err, reactor.ErrStopped) {
		t.Errorf("Post after the end = %v", err)
	}
	if err := l.PostWait(t.Context(), func() {}); !errors.Is(err, reactor.ErrStopped) {
		t.Errorf("PostWait after the end = %v", err)
	}
	if err := l.Turn(0); !errors.Is(err, reactor.ErrStopped) {
		t.Errorf("Turn after the end = %v", err)
	}
	if err := l.Add(&s.Source, fd, s); !errors.Is(err, reactor.ErrStopped) {
		t.Errorf("Add after the end = %v", err)
	}
	if err := l.Run(); !errors.Is(err, reactor.ErrStopped) {
		t.Errorf("Run after the end = %v", err)
	}
	l.Wake()

	// What is closed after the end is closed at once.
	later.Close()
	if n := k.Descriptors(); n != 0 {
		t.Errorf("%d descriptors left", n)
	}
	check(t, l)
}

// brokenPoller fails to wait.
type brokenPoller struct{ reactor.Poller }

func (brokenPoller) Wait([]reactor.Event, time.Duration) (int, error) {
	return 0, errors.New("no more waiting")
}

func TestRunEndsWhenThePollerFails(t *testing.T) {
	k := reactortest.NewKernel()
	p := k.NewPoller()
	l, err := reactor.New(reactor.Options{Poller: brokenPoller{p}, Now: k.Now})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Run(); err == nil || err.Error() != "wait for events: no more waiting" {
		t.Errorf("Run = %v", err)
	}
	if !p.Closed() {
		t.Error("poller kept")
	}
}
