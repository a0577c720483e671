package reactor

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// newTestEpoll returns a poller whose first event, that of its own eventfd, was taken.
func newTestEpoll(t *testing.T, contended func() bool) *epoll {
	t.Helper()
	p, err := NewEpoll(contended)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	if n, err := p.Wait(make([]Event, 4), 0); n != 0 || err != nil {
		t.Fatalf("%d events, %v; want none", n, err)
	}
	return p.(*epoll)
}

// A Wake between two waits ends the next one, and hides no event that is there already.
func TestEpollWokenBeforeItWaits(t *testing.T) {
	for _, contended := range []bool{false, true} {
		p := newTestEpoll(t, func() bool { return contended })
		mine, theirs := socketpair(t)
		defer unix.Close(mine)   //nolint:errcheck // the end of a test
		defer unix.Close(theirs) //nolint:errcheck // the end of a test
		events := make([]Event, 4)
		for range 3 {
			p.Wake()
			p.Wake()
			if n, err := p.Wait(events, -1); n != 0 || err != nil {
				t.Fatalf("contended %v: woken with %d events, %v; want none", contended, n, err)
			}
		}
		if err := p.Add(mine, LevelRead, Token{Slot: 7, Generation: 1}); err != nil {
			t.Fatal(err)
		}
		if _, err := unix.Write(theirs, []byte("x")); err != nil {
			t.Fatal(err)
		}
		for range 3 { // level-triggered
			p.Wake()
			if n, err := p.Wait(events, -1); n != 1 || err != nil || events[0].Token.Slot != 7 {
				t.Fatalf("contended %v: woken with %d events, %v; want the readable descriptor", contended, n, err)
			}
		}
	}
}

// Whoever wakes a loop has it run again, whichever way it waits and however the two meet.
func TestEpollLosesNoWake(t *testing.T) {
	var contended atomic.Bool
	p := newTestEpoll(t, contended.Load)
	const rounds = 20000
	var asked, answered atomic.Int64
	waited := make(chan error, 1)
	go func() {
		events := make([]Event, 4)
		for n := int64(0); n < rounds; n = asked.Load() {
			answered.Store(n)
			timeout := time.Duration(-1)
			if n%3 == 0 {
				timeout = time.Duration(n%7+1) * time.Hour // an alarm that never fires
			}
			if _, err := p.Wait(events, timeout); err != nil {
				waited <- err
				return
			}
		}
		answered.Store(rounds)
		waited <- nil
	}()
	late := time.After(60 * time.Second)
	for n := int64(1); n <= rounds; n++ {
		contended.Store(n/64%2 == 1)
		asked.Store(n)
		p.Wake()
		for n%5 == 0 && answered.Load() < n { // the others come while it runs
			select {
			case <-late:
				t.Fatalf("wake %d was lost: %d were answered", n, answered.Load())
			default:
				runtime.Gosched()
			}
		}
	}
	if err := <-waited; err != nil {
		t.Fatal(err)
	}
}

// A timer that is set already serves a wait that may last longer, which then ends early.
func TestEpollAlarm(t *testing.T) {
	p := newTestEpoll(t, nil)
	events := make([]Event, 4)
	wait := func(timeout time.Duration) time.Duration {
		t.Helper()
		before := time.Now()
		if n, err := p.Wait(events, timeout); n != 0 || err != nil {
			t.Fatalf("%d events, %v; want none", n, err)
		}
		return time.Since(before)
	}
	woken := func(timeout time.Duration) {
		t.Helper()
		p.Wake()
		p.setAlarm(timeout)
		wait(-1)
	}

	woken(time.Hour)
	first := p.alarms
	woken(2 * time.Hour)
	if p.alarms != first {
		t.Errorf("the alarm was set again for a later time")
	}
	if took := wait(5 * time.Millisecond); took < 5*time.Millisecond {
		t.Errorf("waited %v, want 5 ms, before the alarm that was set", took)
	}
	if took := wait(5 * time.Millisecond); took < 5*time.Millisecond {
		t.Errorf("waited %v, want 5 ms, after an alarm that has fired", took)
	}

	woken(20 * time.Millisecond)
	if took := wait(time.Hour); took > 30*time.Second {
		t.Errorf("waited %v, want not longer than the alarm that was set", took)
	}
	if took := wait(5 * time.Millisecond); took < 5*time.Millisecond {
		t.Errorf("waited %v, want 5 ms", took)
	}
}

// To wake a parked loop takes no system call, so the eventfd stays as it was.
func TestEpollWakesParkedLoopWithoutEventfd(t *testing.T) {
	var contended atomic.Bool
	p := newTestEpoll(t, contended.Load)
	wakeOne := func() (written bool) {
		t.Helper()
		woken := make(chan error, 1)
		go func() {
			_, err := p.Wait(make([]Event, 4), -1)
			woken <- err
		}()
		for waits := waitsNot; waits == waitsNot; {
			runtime.Gosched()
			p.mu.Lock()
			waits = p.waits
			p.mu.Unlock()
		}
		p.Wake()
		if err := <-woken; err != nil {
			t.Fatal(err)
		}
		var count [8]byte
		n, err := unix.Read(p.wakefd, count[:])
		return n == len(count) && err == nil
	}
	if wakeOne() {
		t.Error("parked: the eventfd was written")
	}
	contended.Store(true)
	if !wakeOne() {
		t.Error("blocked: the eventfd was not written")
	}
}
