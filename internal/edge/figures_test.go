package edge

import (
	"runtime"
	"testing"
	"time"
)

func TestFiguresOfAStreamAreThereWithItsHead(t *testing.T) {
	w := newTestServer(t, nil)
	c := w.subscribe("subscribe=a")
	if st := w.srv.Stats(w.kernel.Now()); st.Streams != 1 || st.StreamsOpened != 1 || st.Connections != 1 {
		t.Errorf("after its head: %+v", st)
	}
	c.Close()
	w.turn()
	if st := w.srv.Stats(w.kernel.Now()); st.Streams != 0 || st.Connections != 0 || st.Closed["closed_by_peer"] != 1 {
		t.Errorf("after its end: %+v", st)
	}
}

func TestFiguresOfEventsAreThereWithThem(t *testing.T) {
	w := newTestServer(t, nil)
	c := w.subscribe("subscribe=a")
	for range 10 {
		w.publish("a", "x")
	}
	if got := c.events(); len(got) != 10 {
		t.Fatalf("%d events", len(got))
	}
	if st := w.srv.Stats(w.kernel.Now()); st.Deliveries != 10 || st.FannedOutBytes == 0 {
		t.Errorf("stats %+v", st)
	}
}

// A client may see what a turn did before the turn has ended. Whoever then wants to know waits for
// its end.
func TestFiguresWaitForTheTurnUnderWay(t *testing.T) {
	w := newTestServer(t, nil)
	b := &w.srv.workers[0].figures
	b.begin()
	settled := make(chan struct{})
	const waiters = 3
	for range waiters {
		go func() {
			b.settled(nil)
			settled <- struct{}{}
		}()
	}
	for b.waiter.Load() == nil {
		runtime.Gosched()
	}
	select {
	case <-settled:
		t.Error("nobody waited")
	default:
	}
	w.turn()
	for range waiters {
		<-settled
	}
	b.settled(nil) // no turn is under way

	late := make(chan time.Time)
	close(late)
	b.begin()
	b.settled(late) // and this one does not end in time
	w.turn()
}

func TestALoopThatDoesNotTurnShowsAsStuck(t *testing.T) {
	w := newTestServer(t, func(s *setup) { s.loops = 2 })
	w.subscribe("subscribe=a")
	w.advance(time.Minute) // idle, but turning
	for _, l := range w.srv.Stats(w.kernel.Now()).Loops {
		if l.Stuck || l.Age > figuresIdle {
			t.Errorf("an idle loop: %+v", l)
		}
	}
	w.kernel.Advance(2 * stuckAfter)
	st := w.srv.Stats(w.kernel.Now())
	for _, l := range st.Loops {
		if !l.Stuck || l.Age < stuckAfter {
			t.Errorf("a loop that has not turned for %v: %+v", 2*stuckAfter, l)
		}
	}
	if st.Streams != 1 || w.srv.Limits(w.kernel.Now(), 1).Connections != 1 {
		t.Errorf("its figures are gone: %+v", st)
	}
	w.turn()
	for _, l := range w.srv.Stats(w.kernel.Now()).Loops {
		if l.Stuck {
			t.Errorf("after a turn: %+v", l)
		}
	}
}
