package reactor

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"
	"time"
)

const (
	// defaultPostLimit bounds the functions that wait to be run.
	defaultPostLimit = 4096

	// Bounds of one turn, so that no kind of work keeps the others waiting.
	postBatch  = 256
	timerBatch = 4096
)

// Options are the parts and limits of a loop. The zero value is good.
type Options struct {
	Poller    Poller           // nil: epoll
	Now       func() time.Time // nil: time.Now
	PostLimit int              // functions that may wait; 0: 4096
	EndOfTurn func() (again bool)
	Logger    *slog.Logger // nil: nothing is logged
	Contended func() bool  // of the epoll poller, see NewEpoll; any goroutine may call it
}

// Loop calls handlers, all on one goroutine.
type Loop struct {
	// Fixed after New.
	poller Poller
	clock  func() time.Time
	logger *slog.Logger

	// Any goroutine.
	wake     atomic.Uint32 // a wakeState
	stopping atomic.Bool
	posts    postQueue

	// Owned by the loop.
	owner     owner
	now       time.Time
	endOfTurn func() (again bool)
	sources   table
	again     []Token // sources that asked for another call
	recalled  []Token // the list before, while it is gone through
	closing   []int32 // descriptors to close at the end of the turn
	wheel     wheel
	busy      bool // the turn left something undone
	ended     bool
	events    [eventBatch]Event
	batch     [postBatch]func()
}

// wakeState is what a Wake has to do.
type wakeState = uint32

const (
	// loopBusy: the loop is in the middle of a turn and will wait after it.
	loopBusy wakeState = iota
	// loopWaiting: the loop waits in the poller; it has to be woken there.
	loopWaiting
	// loopWoken: a turn will come without anybody doing more.
	loopWoken
)

// New makes a loop. It holds descriptors until Run has returned.
func New(o Options) (*Loop, error) {
	if o.Poller == nil {
		p, err := NewEpoll(o.Contended)
		if err != nil {
			return nil, err
		}
		o.Poller = p
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.PostLimit <= 0 {
		o.PostLimit = defaultPostLimit
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	now := o.Now()
	return &Loop{
		poller:    o.Poller,
		clock:     o.Now,
		logger:    o.Logger,
		posts:     postQueue{limit: o.PostLimit},
		now:       now,
		endOfTurn: o.EndOfTurn,
		wheel:     wheel{base: now},
	}, nil
}

// SetEndOfTurn sets the function that is called near the end of each turn, when
// events, posted functions and timers have been dealt with. While it returns
// true the loop does not wait. It must be set before Run.
func (l *Loop) SetEndOfTurn(hook func() (again bool)) {
	l.owner.check()
	l.endOfTurn = hook
}

// Run turns the loop on the calling goroutine until Stop, or until the poller
// fails. It then runs what was posted, closes what was to be closed and gives
// back the poller. Sources that are still open keep their descriptors; closing
// them later closes those at once.
func (l *Loop) Run() error {
	if l.owner.take() {
		defer l.owner.release()
	}
	var err error
	for err == nil && !l.stopping.Load() {
		err = l.turn(-1)
	}
	return errors.Join(err, l.end())
}

// Turn makes one turn that waits at most limit, for tests. A negative limit does
// not end.
func (l *Loop) Turn(limit time.Duration) error {
	if l.owner.take() {
		defer l.owner.release()
	}
	if l.ended {
		return ErrStopped
	}
	return l.turn(limit)
}

// Stop makes Run return after the turn that is going on. Any goroutine may call
// it.
func (l *Loop) Stop() {
	l.stopping.Store(true)
	l.Wake()
}

// Wake makes a turn begin after this call. Any goroutine may call it; calls that
// come before the loop notices cost one atomic load.
func (l *Loop) Wake() {
	if l.wake.Load() == loopWoken {
		return
	}
	if l.wake.Swap(loopWoken) == loopWaiting {
		l.poller.Wake()
	}
}

// Now returns the time at which the turn began to work.
func (l *Loop) Now() time.Time { return l.now }

// Schedule sets t to the deadline at; an earlier deadline of t is forgotten. h is
// called at the first turn after it: never before, and up to 10 ms later. A
// deadline that has passed already is met in a later turn, not in this one.
func (l *Loop) Schedule(t *Timer, h TimerHandler, at time.Time) {
	l.owner.check()
	l.wheel.schedule(t, h, at)
}

// Cancel forgets the deadline of t, if it has one.
func (l *Loop) Cancel(t *Timer) {
	l.owner.check()
	l.wheel.cancel(t)
}

// Sources returns the number of descriptors that are watched.
func (l *Loop) Sources() int {
	l.owner.check()
	return l.sources.open()
}

func (l *Loop) turn(limit time.Duration) error {
	n, err := l.wait(limit)
	if err != nil {
		return fmt.Errorf("wait for events: %w", err)
	}
	l.now = l.clock()

	l.again, l.recalled = l.recalled[:0], l.again
	busy := l.runPosted()
	l.deliver(l.events[:n])
	l.recall()
	if l.wheel.advance(l.now, timerBatch) {
		busy = true
	}
	if l.endOfTurn != nil && l.endOfTurn() {
		busy = true
	}
	l.closeDescriptors()

	l.busy = busy
	return nil
}

// wait waits for events, as long as nothing else is to be done.
func (l *Loop) wait(limit time.Duration) (int, error) {
	// Goroutines that this turn made runnable get the core first. Otherwise a
	// busy loop would keep them from it; and from a loop that goes to wait, the
	// runtime takes the core away only after a while, and they or their answer
	// would have to wake us again. A Post with an answer took 26 µs without, and
	// takes 3 µs with this, on two cores.
	runtime.Gosched()
	timeout := limit
	if l.busy || len(l.again) > 0 {
		timeout = 0
	} else if at, ok := l.wheel.next(); ok && timeout != 0 {
		until := max(0, at.Sub(l.clock()))
		if timeout < 0 || until < timeout {
			timeout = until
		}
	}
	if timeout != 0 && !l.wake.CompareAndSwap(loopBusy, loopWaiting) {
		timeout = 0
	}
	n, err := l.poller.Wait(l.events[:], timeout)
	// From here on a Wake counts for the next turn; what was put down before an
	// earlier one is seen by this turn.
	l.wake.Store(loopBusy)
	return n, err
}

// deliver calls the handlers of events whose sources are still the same.
func (l *Loop) deliver(events []Event) {
	for _, e := range events {
		if s := l.sources.find(e.Token); s != nil {
			s.handler.HandleEvents(e.Events)
		}
	}
}

// recall calls the sources that asked for it in the turn before.
func (l *Loop) recall() {
	for _, token := range l.recalled {
		if s := l.sources.find(token); s != nil {
			s.again = false
			s.handler.HandleEvents(Readable)
		}
	}
}

func (l *Loop) closeDescriptors() {
	for _, fd := range l.closing {
		l.closeDescriptor(int(fd))
	}
	l.closing = l.closing[:0]
}

func (l *Loop) closeDescriptor(fd int) {
	// The descriptor is gone in any case. What an error tells (a late write
	// error of a socket) interests nobody who has closed.
	if err := l.poller.CloseFD(fd); err != nil {
		l.logger.Debug("close descriptor", "fd", fd, "err", err)
	}
}

// end runs what was posted before the door closed, and gives everything back.
func (l *Loop) end() error {
	if l.ended {
		return ErrStopped
	}
	l.posts.end()
	for more := true; more; {
		more = l.runPosted()
	}
	l.closeDescriptors()
	l.ended = true
	if err := l.poller.Close(); err != nil {
		return fmt.Errorf("close poller: %w", err)
	}
	return nil
}

// runPosted runs at most a batch of posted functions and reports whether others
// are left.
func (l *Loop) runPosted() (more bool) {
	n, more := l.posts.take(l.batch[:])
	for i, fn := range l.batch[:n] {
		l.batch[i] = nil
		fn()
	}
	return more
}
