package reactor_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/reactor"
	"github.com/hassesd/hassesd/internal/reactor/reactortest"
)

func TestPostKeepsOrderAndTakesBatches(t *testing.T) {
	k := reactortest.NewKernel()
	l, _ := reactortest.NewLoop(t, k, reactor.Options{})
	var ran []int
	for i := range 600 {
		if err := l.Post(func() { ran = append(ran, i) }); err != nil {
			t.Fatal(err)
		}
	}
	for turn, want := range []int{256, 512, 600, 600} {
		reactortest.Turn(t, 1, l)
		if len(ran) != want {
			t.Fatalf("%d ran after %d turns, want %d", len(ran), turn+1, want)
		}
		// More keeps coming while a part waits.
		if turn == 0 {
			for i := range 300 {
				if err := l.Post(func() { ran = append(ran, 600+i) }); err != nil {
					t.Fatal(err)
				}
			}
		}
		if turn == 1 {
			break
		}
	}
	reactortest.Turn(t, 2, l)
	if len(ran) != 900 {
		t.Fatalf("%d of 900 ran", len(ran))
	}
	for i, n := range ran {
		if i != n {
			t.Fatalf("function %d ran at place %d", n, i)
		}
	}
}

func TestPostFromTheLoopRunsInALaterTurn(t *testing.T) {
	k := reactortest.NewKernel()
	l, _ := reactortest.NewLoop(t, k, reactor.Options{})
	ran := 0
	var again func()
	again = func() {
		if ran++; ran == 4 {
			return
		}
		if err := l.Post(again); err != nil {
			t.Error(err)
		}
	}
	again()
	for turn := 2; turn < 5; turn++ {
		reactortest.Turn(t, 1, l)
		if ran != turn {
			t.Fatalf("ran %d times, want %d", ran, turn)
		}
	}
}

func TestPostLimit(t *testing.T) {
	k := reactortest.NewKernel()
	l, _ := reactortest.NewLoop(t, k, reactor.Options{PostLimit: 3})
	ran := 0
	for range 3 {
		if err := l.Post(func() { ran++ }); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Post(func() { ran++ }); !errors.Is(err, reactor.ErrFull) {
		t.Fatalf("fourth Post = %v, want ErrFull", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.PostWait(ctx, func() { ran++ }); !errors.Is(err, context.Canceled) {
		t.Fatalf("PostWait without room = %v", err)
	}
	reactortest.Turn(t, 1, l)
	if err := l.Post(func() { ran++ }); err != nil || ran != 3 {
		t.Fatalf("Post after a turn = %v, %d ran", err, ran)
	}
}

func TestPostWaitWaitsForRoom(t *testing.T) {
	k := reactortest.NewKernel()
	l, _ := reactortest.NewLoop(t, k, reactor.Options{PostLimit: 1})
	const posters, each = 8, 50
	var ran atomic.Int32
	errs := make(chan error, posters)
	for range posters {
		go func() {
			for range each {
				if err := l.PostWait(t.Context(), func() { ran.Add(1) }); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	reactortest.Until(t, l, "everything posted has run", func() bool { return ran.Load() == posters*each })
	for range posters {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

func TestPostWaitEndsWithTheLoop(t *testing.T) {
	k := reactortest.NewKernel()
	l, _ := reactortest.NewLoop(t, k, reactor.Options{PostLimit: 1})
	// The loop's turn is held up in a posted function while another waits and
	// a third finds no room.
	held, release := make(chan struct{}), make(chan struct{})
	if err := l.Post(func() { close(held); <-release }); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- l.Run() }()
	<-held
	if err := l.Post(func() {}); err != nil {
		t.Fatal(err)
	}
	waiting := make(chan error)
	go func() { waiting <- l.PostWait(t.Context(), func() {}) }()
	l.Stop()
	close(release)
	// It gets the room that the second one leaves, or learns of the end.
	if err := <-waiting; err != nil && !errors.Is(err, reactor.ErrStopped) {
		t.Errorf("PostWait = %v", err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// wakeCounter counts what reaches the poller.
type wakeCounter struct {
	reactor.Poller
	wakes   atomic.Int32
	waiting chan struct{} // receives before each Wait that may block
}

func (p *wakeCounter) Wake() {
	p.wakes.Add(1)
	p.Poller.Wake()
}

func (p *wakeCounter) Wait(events []reactor.Event, timeout time.Duration) (int, error) {
	if timeout != 0 && p.waiting != nil {
		p.waiting <- struct{}{}
	}
	return p.Poller.Wait(events, timeout)
}

func TestWakeIsCoalesced(t *testing.T) {
	k := reactortest.NewKernel()
	p := &wakeCounter{Poller: k.NewPoller(), waiting: make(chan struct{}, 100)}
	turns := 0
	l, err := reactor.New(reactor.Options{Poller: p, Now: k.Now, EndOfTurn: func() bool { turns++; return false }})
	if err != nil {
		t.Fatal(err)
	}

	// A loop that does not wait needs no poller to wake it.
	for range 100 {
		l.Wake()
	}
	if n := p.wakes.Load(); n != 0 {
		t.Errorf("%d wake-ups of a loop that does not wait", n)
	}

	ended := make(chan error)
	go func() { ended <- l.Run() }()
	<-p.waiting
	done := make(chan struct{})
	if err := l.Post(func() {
		// In the middle of a turn too.
		for range 100 {
			l.Wake()
		}
		close(done)
	}); err != nil {
		t.Fatal(err)
	}
	<-done
	<-p.waiting
	l.Stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if n := p.wakes.Load(); n > 2 {
		t.Errorf("%d wake-ups of the poller for one post and one stop", n)
	}
	if turns > 5 {
		t.Errorf("%d turns", turns)
	}
}

// TestNoWakeIsLost posts from several goroutines to a loop that goes to sleep
// as often as it can; each function has to run without another one's help.
func TestNoWakeIsLost(t *testing.T) {
	l, err := reactor.New(reactor.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- l.Run() }()
	const posters, each = 4, 500
	errs := make(chan error, posters)
	for range posters {
		go func() {
			ran := make(chan struct{})
			for range each {
				if err := l.Post(func() { ran <- struct{}{} }); err != nil {
					errs <- err
					return
				}
				<-ran
			}
			errs <- nil
		}()
	}
	for range posters {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	l.Stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// BenchmarkPost is one function to a loop that is busy: no system call.
func BenchmarkPost(b *testing.B) {
	k := reactortest.NewKernel()
	l, _ := reactortest.NewLoop(b, k, reactor.Options{})
	fn := func() {}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if err := l.Post(fn); err != nil {
			b.Fatal(err)
		}
		if n++; n%200 == 0 {
			reactortest.Turn(b, 1, l)
		}
	}
}

// BenchmarkPostRoundTrip is a function to a loop that sleeps, and its answer.
func BenchmarkPostRoundTrip(b *testing.B) {
	for _, loops := range []int{1, 2, 4} {
		b.Run(map[int]string{1: "1loop", 2: "2loops", 4: "4loops"}[loops], func(b *testing.B) {
			var all []*reactor.Loop
			ended := make(chan error, loops)
			for range loops {
				l, err := reactor.New(reactor.Options{})
				if err != nil {
					b.Fatal(err)
				}
				all = append(all, l)
				go func() { ended <- l.Run() }()
			}
			answer := make(chan struct{}, loops)
			fn := func() { answer <- struct{}{} }
			b.ReportAllocs()
			for b.Loop() {
				for _, l := range all {
					if err := l.Post(fn); err != nil {
						b.Fatal(err)
					}
				}
				for range all {
					<-answer
				}
			}
			for _, l := range all {
				l.Stop()
				if err := <-ended; err != nil {
					b.Error(err)
				}
			}
		})
	}
}
