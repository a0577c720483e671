package reactor

import (
	"errors"
	"math"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// wakeSlot is the token's slot of a poller's own eventfd.
const wakeSlot = -1

// epoll is the Poller of the kernel.
type epoll struct {
	linux

	// Fixed after creation.
	epfd   int
	wakefd int

	// Owned by the loop.
	buf []unix.EpollEvent

	mu     sync.Mutex // so that Wake never writes to a number that Close gave away
	closed bool       // guarded by mu
}

// NewEpoll makes a Poller of an epoll descriptor with an eventfd to wake it.
// It also calls InitRuntimePoller.
func NewEpoll() (Poller, error) {
	if err := InitRuntimePoller(); err != nil {
		return nil, err
	}
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	wakefd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		_ = unix.Close(epfd)
		return nil, os.NewSyscallError("eventfd", err)
	}
	p := &epoll{epfd: epfd, wakefd: wakefd, buf: make([]unix.EpollEvent, eventBatch)}
	// Edge-triggered: each write is an event, and nobody has to read. The
	// counter would be full after 2^64 writes.
	if err := p.Add(wakefd, EdgeBoth, Token{Slot: wakeSlot}); err != nil {
		_ = p.Close()
		return nil, err
	}
	return p, nil
}

// InitRuntimePoller makes the Go runtime set up its own poller now. It does so
// by itself at the first use of a pipe, a socket or a timer, and the process
// dies if no descriptors are left at that moment.
func InitRuntimePoller() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	return errors.Join(r.Close(), w.Close())
}

func (p *epoll) Add(fd int, interest Interest, token Token) error {
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: token.Slot, Pad: int32(token.Generation)}
	if interest == EdgeBoth {
		// EPOLLET as the type of the field: the untyped constant is 1 << 31.
		ev.Events |= unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET&math.MaxUint32
	}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.epfd, unix.EPOLL_CTL_ADD, fd, &ev))
}

func (p *epoll) Remove(fd int) error {
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.epfd, unix.EPOLL_CTL_DEL, fd, nil))
}

func (p *epoll) Wait(events []Event, timeout time.Duration) (int, error) {
	n, err := unix.EpollWait(p.epfd, p.buf[:min(len(p.buf), len(events))], milliseconds(timeout))
	if err != nil {
		if errors.Is(err, unix.EINTR) {
			return 0, nil
		}
		return 0, os.NewSyscallError("epoll_wait", err)
	}
	filled := 0
	for _, ev := range p.buf[:n] {
		if ev.Fd == wakeSlot {
			continue
		}
		events[filled] = Event{
			Token:  Token{Slot: ev.Fd, Generation: uint32(ev.Pad)},
			Events: fromEpoll(ev.Events),
		}
		filled++
	}
	return filled, nil
}

func (p *epoll) Wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	one := [8]byte{0: 1}
	// It can only fail when the counter is full, and then the event is there.
	_, _ = unix.Write(p.wakefd, one[:])
}

func (p *epoll) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	return errors.Join(
		os.NewSyscallError("close", unix.Close(p.epfd)),
		os.NewSyscallError("close", unix.Close(p.wakefd)),
	)
}

func fromEpoll(bits uint32) (ev Events) {
	if bits&unix.EPOLLIN != 0 {
		ev |= Readable
	}
	if bits&unix.EPOLLOUT != 0 {
		ev |= Writable
	}
	if bits&(unix.EPOLLHUP|unix.EPOLLERR|unix.EPOLLRDHUP) != 0 {
		ev |= Hangup
	}
	return ev
}

// milliseconds rounds up, so that a deadline is not waited for in a busy loop
// during its last millisecond.
func milliseconds(d time.Duration) int {
	if d < 0 {
		return -1
	}
	if d > math.MaxInt32*time.Millisecond {
		return math.MaxInt32
	}
	return int((d + time.Millisecond - 1) / time.Millisecond)
}
