package top

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/session"
	"github.com/hassesd/hassesd/internal/admin/api"
)

// run shows the daemon until the user quits. It restores the terminal however it ends, except by
// SIGKILL.
func run(ctx context.Context, s *session.Session, t *terminal) error {
	ctx, stop := session.UntilSignal(ctx)
	defer stop()
	f := &sampler{session: s}
	first := f.take(ctx, query{rows: 1}) // before the screen: an error looks like that of any command
	if ctx.Err() != nil {
		return nil
	}
	if first.problem != nil {
		return first.problem
	}
	if err := t.enter(); err != nil {
		return err
	}
	defer t.leave()
	keys, err := newKeyboard(t.in)
	if err != nil {
		return err
	}
	defer keys.close()
	l := &loop{session: s, terminal: t, samples: make(chan sample), refresh: time.NewTimer(0)}
	defer l.refresh.Stop()
	l.model.addStatus(first.status)
	return l.run(ctx, f, keys.keys)
}

// loop waits for the keyboard, the clock, the daemon and signals, and owns the model.
type loop struct {
	session  *session.Session
	terminal *terminal
	model    model
	samples  chan sample // from the goroutine that asks the daemon
	refresh  *time.Timer // when to ask again
	isAsking bool
	isStale  bool // what is being asked for is no longer what is shown
}

func (l *loop) run(ctx context.Context, f *sampler, keys <-chan key) error {
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, unix.SIGWINCH, unix.SIGCONT)
	defer signal.Stop(resized)
	hungUp := make(chan os.Signal, 1)
	signal.Notify(hungUp, unix.SIGHUP)
	defer signal.Stop(hungUp)
	asking, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		if l.isAsking {
			<-l.samples
		}
		f.close()
	}()
	for !l.model.done {
		if err := l.draw(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-hungUp:
			return nil
		case k, isOpen := <-keys:
			if !isOpen {
				return nil
			}
			if err := l.press(k, resized); err != nil {
				return err
			}
		case sig := <-resized:
			if sig == unix.SIGCONT { // another program may have changed the modes of the terminal
				if err := l.again(); err != nil {
					return err
				}
			}
		case <-l.refresh.C:
			if l.model.isHeld {
				break
			}
			l.isAsking, l.isStale = true, false
			q := l.query()
			go func() { l.samples <- f.take(asking, q) }()
		case got := <-l.samples:
			l.isAsking = false
			l.add(got)
			l.refresh.Reset(l.pause())
		}
	}
	return nil
}

// query returns what to ask for: no more rows than the terminal has lines.
func (l *loop) query() query {
	_, lines := l.terminal.size()
	return query{display: l.model.display, filter: l.model.filter, rows: min(lines, maxRows)}
}

// maxRows is the longest page of a list that the daemon gives.
const maxRows = 1000

func (l *loop) pause() time.Duration {
	if l.isStale {
		return 0
	}
	return l.session.Refresh
}

func (l *loop) add(got sample) {
	if got.status.PID != 0 {
		l.model.addStatus(got.status)
	}
	if got.problem == nil {
		l.model.addLists(got.lists)
		return
	}
	l.model.problem = got.problem.Error()
	if errors.Is(got.problem, api.ErrUnreachable) {
		l.model.problem = "no daemon, trying again: " + l.model.problem
	}
}

func (l *loop) press(k key, resumed <-chan os.Signal) error {
	switch k.kind {
	case keySuspend:
		return l.suspend(resumed)
	case keyRedraw:
		_, err := l.terminal.out.WriteString("\x1b[2J")
		return err
	case keyText, keyEnter, keyEscape, keyErase, keyClear, keyQuit, keyOther:
	}
	wasHeld := l.model.isHeld
	l.isStale = l.model.press(k) || l.isStale
	if !l.isAsking && !l.model.isHeld && (l.isStale || wasHeld) {
		l.refresh.Reset(0)
	}
	return nil
}

// suspend gives the terminal back and stops, as Ctrl-Z does to other programs, with all that were
// started with this one (sudo, for instance). Signals arrive at once, but not before kill returns.
func (l *loop) suspend(resumed <-chan os.Signal) error {
	l.terminal.leave()
	if err := unix.Kill(0, unix.SIGTSTP); err != nil {
		return err
	}
	arrived := time.NewTimer(200 * time.Millisecond)
	defer arrived.Stop()
	select {
	case <-resumed:
	case <-arrived.C: // nobody could continue us, so the kernel has not stopped us
	}
	return l.terminal.enter()
}

// again takes over a terminal whose modes others may have changed.
func (l *loop) again() error {
	l.terminal.leave()
	return l.terminal.enter()
}

// draw replaces what the terminal shows, in one write.
func (l *loop) draw() error {
	columns, lines := l.terminal.size()
	_, err := l.terminal.out.Write(l.model.view(l.session.Out, columns, lines))
	return err
}
