package reactor

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// acceptBatch bounds the connections taken from one listener in a turn.
	acceptBatch = 64

	// acceptPause is how long a listener pauses when the system is out of descriptors or memory.
	// Without a pause, a connection in the backlog would make the loop spin.
	acceptPause = 100 * time.Millisecond

	// acceptQuiet is the minimum time between two warnings about it.
	acceptQuiet = 10 * time.Second
)

// AcceptFunc receives each new connection, non-blocking and close-on-exec, on the acceptor's loop.
// It reports whether it owns fd from now on; otherwise the acceptor resets the connection. It may
// pause or close the acceptor.
type AcceptFunc func(fd int, peer netip.AddrPort) (taken bool)

// AcceptStats are counts since the acceptor was created.
type AcceptStats struct {
	Accepted uint64 // handed over
	Refused  uint64 // refused by the AcceptFunc
	Shed     uint64 // reset for lack of descriptors
	Aborted  uint64 // gone before they were accepted, or blocked by the firewall
	Rests    uint64 // pauses for lack of descriptors or memory
}

// Acceptor accepts connections from a listener, on one loop. It keeps a spare descriptor. When the
// process runs out of descriptors, it closes the spare for a moment to accept and reset the
// connections in the backlog, so that clients learn at once that they must retry.
type Acceptor struct {
	// Fixed after creation.
	loop   *Loop
	accept AcceptFunc

	// Owned by the loop.
	source Source
	rest   Timer // pending during a pause for lack of descriptors or memory
	paused bool  // by its owner
	spare  int   // -1: could not be reopened
	warned time.Time
	stats  AcceptStats
}

// NewAcceptor accepts from the listening descriptor fd, which it owns unless it returns an error.
func NewAcceptor(l *Loop, fd int, accept AcceptFunc) (*Acceptor, error) {
	spare, err := l.poller.Reserve()
	if err != nil {
		return nil, err
	}
	a := &Acceptor{loop: l, accept: accept, spare: spare}
	if err := l.AddLevel(&a.source, fd, a); err != nil {
		l.closeDescriptor(spare)
		return nil, err
	}
	return a, nil
}

// Pause leaves new connections in the kernel's backlog until Resume.
func (a *Acceptor) Pause() {
	a.loop.owner.check()
	a.paused = true
	a.source.Pause()
}

// Resume undoes Pause.
func (a *Acceptor) Resume() {
	a.loop.owner.check()
	a.paused = false
	a.update()
}

// Paused reports whether the owner has paused the acceptor.
func (a *Acceptor) Paused() bool {
	a.loop.owner.check()
	return a.paused
}

// Stats returns the counts so far.
func (a *Acceptor) Stats() AcceptStats {
	a.loop.owner.check()
	return a.stats
}

// Close stops accepting and closes the listener. The kernel resets connections in its backlog.
func (a *Acceptor) Close() {
	a.loop.owner.check()
	a.source.Close()
	a.loop.Cancel(&a.rest)
	a.giveSpare()
}

// HandleEvents implements Handler.
func (a *Acceptor) HandleEvents(Events) {
	for range acceptBatch {
		// The AcceptFunc may have paused or closed the acceptor.
		if a.paused || a.source.FD() < 0 {
			return
		}
		fd, peer, err := a.loop.poller.Accept(a.source.FD())
		if err != nil {
			if a.failed(err) {
				continue
			}
			return
		}
		a.take(fd, peer)
	}
}

// HandleTimer implements TimerHandler: the pause is over.
func (a *Acceptor) HandleTimer(*Timer, time.Time) { a.update() }

func (a *Acceptor) take(fd int, peer netip.AddrPort) {
	if a.accept(fd, peer) {
		a.stats.Accepted++
		return
	}
	a.stats.Refused++
	a.loop.Discard(fd)
}

// failed handles an error of accept, and reports whether to accept the next connection at once.
func (a *Acceptor) failed(err error) (goOn bool) {
	switch {
	case errors.Is(err, ErrWouldBlock):
		return false
	case isConnectionError(err):
		a.stats.Aborted++
		return true
	case errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE):
		a.shed()
	default:
		// ENOBUFS and ENOMEM are temporary. Anything else means that the listener is broken, which
		// must not make the loop spin either.
	}
	a.stats.Rests++
	a.warn(err)
	a.source.Pause()
	a.loop.Schedule(&a.rest, a, a.loop.Now().Add(acceptPause))
	return false
}

// isConnectionError reports whether the error concerns only one connection, which has left the
// backlog. See accept(2), "Error handling".
func isConnectionError(err error) bool {
	var errno unix.Errno
	if !errors.As(err, &errno) {
		return false
	}
	return slices.Contains([]unix.Errno{
		unix.ECONNABORTED, unix.EPERM, unix.EPROTO, unix.ENETDOWN, unix.ENOPROTOOPT, unix.EHOSTDOWN,
		unix.ENONET, unix.EHOSTUNREACH, unix.ENETUNREACH, unix.ETIMEDOUT,
	}, errno)
}

// shed resets the connections in the backlog, with the number of the spare descriptor.
func (a *Acceptor) shed() {
	a.giveSpare()
	for range acceptBatch {
		fd, _, err := a.loop.poller.Accept(a.source.FD())
		if err != nil {
			if isConnectionError(err) {
				a.stats.Aborted++
				continue
			}
			break // the backlog is empty, or another thread took the descriptor
		}
		a.loop.Discard(fd)
		a.stats.Shed++
	}
	a.takeSpare()
}

// warn logs that connections cannot be accepted, at most once in acceptQuiet.
func (a *Acceptor) warn(err error) {
	now := a.loop.Now()
	if !a.warned.IsZero() && now.Sub(a.warned) < acceptQuiet {
		return
	}
	a.warned = now
	a.loop.logger.Warn("cannot accept connections for now", "shed", a.stats.Shed, "err", err)
}

// Discard resets and closes a connection that no source owns, such as one that an acceptor passed
// to this loop and that is no longer wanted.
func (l *Loop) Discard(fd int) {
	l.owner.check()
	// If this fails, the peer sees an ordinary close.
	_ = l.poller.Abortive(fd)
	l.closeDescriptor(fd)
}

func (a *Acceptor) giveSpare() {
	if a.spare >= 0 {
		a.loop.closeDescriptor(a.spare)
		a.spare = -1
	}
}

// takeSpare reopens the spare descriptor. If there are none, the next pause tries again.
func (a *Acceptor) takeSpare() {
	if a.spare >= 0 {
		return
	}
	if fd, err := a.loop.poller.Reserve(); err == nil {
		a.spare = fd
	}
}

// update resumes listening unless the acceptor is paused or has to wait.
func (a *Acceptor) update() {
	if a.source.FD() < 0 {
		return
	}
	a.takeSpare()
	if a.paused || a.rest.Pending() {
		return
	}
	if err := a.source.Resume(); err != nil {
		a.loop.logger.Warn("resume accepting", "err", err)
		a.loop.Schedule(&a.rest, a, a.loop.Now().Add(acceptPause))
	}
}

// BoundSend does for the listener of a what [Listener.BoundSend] does.
func (a *Acceptor) BoundSend(bytes int) error {
	a.loop.owner.check()
	fd := a.source.FD()
	if fd < 0 {
		return ErrClosed
	}
	return a.loop.poller.BoundSend(fd, bytes)
}
