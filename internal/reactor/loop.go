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
	// defaultPostLimit bounds the posted functions that wait.
	defaultPostLimit = 4096

	// Bounds of one turn, so that no kind of work delays the others.
	postBatch  = 256
	timerBatch = 4096
)

// Options configure a loop. The zero value is valid.
type Options struct {
	Poller    Poller           // nil: epoll
	Now       func() time.Time // nil: time.Now
	PostLimit int              // posted functions that may wait; 0: 4096
	EndOfTurn func() (again bool)
	Logger    *slog.Logger // nil: nothing is logged
	Contended func() bool  // for the epoll poller, see NewEpoll; called from any goroutine
}

// Loop calls handlers on one goroutine.
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
	recalled  []Token // the previous list, while the loop walks it
	closing   []int32 // descriptors to close at the end of the turn
	wheel     wheel
	busy      bool // the turn left work for the next one
	ended     bool
	events    [eventBatch]Event
	batch     [postBatch]func()
}

// wakeState is what a call of Wake must do.
type wakeState = uint32

const (
	// loopBusy: the loop is within a turn and waits after it.
	loopBusy wakeState = iota
	// loopWaiting: the loop waits in the poller, which must be woken.
	loopWaiting
	// loopWoken: another turn is already certain.
	loopWoken
)

// New returns a loop. It holds descriptors until Run has returned.
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

// SetEndOfTurn sets the function to call near the end of each turn, after events, posted functions
// and timers. While it returns true, the loop does not wait. It must be set before Run.
func (l *Loop) SetEndOfTurn(hook func() (again bool)) {
	l.owner.check()
	l.endOfTurn = hook
}

// Run runs the loop on the calling goroutine until Stop, or until the poller fails. It then runs
// the posted functions, closes the descriptors of closed sources and closes the poller. Sources
// that are still open keep their descriptors. Closing them later closes the descriptors at once.
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

// Turn runs one turn that waits at most limit, for tests. A negative limit means no limit.
func (l *Loop) Turn(limit time.Duration) error {
	if l.owner.take() {
		defer l.owner.release()
	}
	if l.ended {
		return ErrStopped
	}
	return l.turn(limit)
}

// Stop makes Run return after the current turn. Any goroutine may call it.
func (l *Loop) Stop() {
	l.stopping.Store(true)
	l.Wake()
}

// Wake makes the loop start another turn after this call. Any goroutine may call it. Further calls
// before the loop notices cost one atomic load.
func (l *Loop) Wake() {
	if l.wake.Load() == loopWoken {
		return
	}
	if l.wake.Swap(loopWoken) == loopWaiting {
		l.poller.Wake()
	}
}

// Now returns the time of the turn, read after its wait.
func (l *Loop) Now() time.Time { return l.now }

// Schedule sets the deadline of t, and replaces an earlier one. The loop calls h in the first turn
// after the deadline, never before and up to 10 ms later. If the deadline has passed already, that
// is a later turn, not this one.
func (l *Loop) Schedule(t *Timer, h TimerHandler, at time.Time) {
	l.owner.check()
	l.wheel.schedule(t, h, at)
}

// Cancel removes the deadline of t, if it has one.
func (l *Loop) Cancel(t *Timer) {
	l.owner.check()
	l.wheel.cancel(t)
}

// Sources returns the number of watched descriptors.
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

// wait waits for events. It returns at once if there is other work.
func (l *Loop) wait(limit time.Duration) (int, error) {
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
	if timeout == 0 {
		// Let the goroutines that this turn made runnable use the core first, which a busy loop would
		// keep from them. A loop that has nothing to do yields anyway, and moves to no other core.
		runtime.Gosched()
	}
	n, err := l.poller.Wait(l.events[:], timeout)
	// A Wake after this line causes another turn. This turn sees what was queued before an earlier
	// Wake.
	l.wake.Store(loopBusy)
	return n, err
}

// deliver calls the handlers of events whose sources have not changed.
func (l *Loop) deliver(events []Event) {
	for _, e := range events {
		if s := l.sources.find(e.Token); s != nil {
			s.handler.HandleEvents(e.Events)
		}
	}
}

// recall calls the sources that asked for it in the previous turn.
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
	// The descriptor is gone even after an error. The error, such as a late write error of a
	// socket, no longer matters.
	if err := l.poller.CloseFD(fd); err != nil {
		l.logger.Debug("close descriptor", "fd", fd, "err", err)
	}
}

// end runs the functions posted so far, and closes everything.
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

// runPosted runs at most a batch of posted functions, and reports whether there are more.
func (l *Loop) runPosted() (more bool) {
	n, more := l.posts.take(l.batch[:])
	for i, fn := range l.batch[:n] {
		l.batch[i] = nil
		fn()
	}
	return more
}
