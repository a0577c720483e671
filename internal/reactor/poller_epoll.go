package reactor

import (
	"errors"
	"fmt"
	"math"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// wakeSlot is the token's slot of a poller's own eventfd.
const wakeSlot = -1

// epoll is the Poller of the kernel. It has two ways to wait.
//
// As a rule it waits by way of the Go runtime's own poller, in which the epoll
// descriptor stands like any other: it is readable when it has events. A loop
// that waits is then a parked goroutine and not a thread in a system call,
// which the scheduler would have to replace at each wait and to find a
// processor for at each event. With 1,000 streams and 200 small messages a
// second that is a third of the CPU time.
//
// But while other goroutines always have work for all processors, the runtime
// looks at its poller only every 10 ms (sysmon), where a thread that comes
// back from a system call is queued at once. So the poller is told when the
// processors are contended, and waits in the system call then.
type epoll struct {
	linux

	// Fixed after creation.
	epfd   int // belongs to file
	file   *os.File
	ready  syscall.RawConn // of file
	wakefd int

	contended func() bool // any goroutine; nil: never

	// Owned by the loop.
	buf      []unix.EpollEvent
	room     int   // of buf, as much as the caller of Wait has
	n        int   // of buf, filled by the last look
	err      error // of the last look
	deadline bool  // file has a read deadline

	mu     sync.Mutex // so that Wake never writes to a number that Close gave away
	closed bool       // guarded by mu
}

// NewEpoll makes a Poller of an epoll descriptor with an eventfd to wake it.
// It also calls InitRuntimePoller. contended says whether other goroutines keep
// the processors busy; nil is never.
func NewEpoll(contended func() bool) (Poller, error) {
	if err := InitRuntimePoller(); err != nil {
		return nil, err
	}
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	// os.NewFile hands only non-blocking descriptors to the runtime's poller.
	if err := unix.SetNonblock(epfd, true); err != nil {
		_ = unix.Close(epfd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	p := &epoll{epfd: epfd, wakefd: -1, contended: contended, buf: make([]unix.EpollEvent, eventBatch)}
	p.file = os.NewFile(uintptr(epfd), "epoll")
	if p.ready, err = p.file.SyscallConn(); err != nil {
		_ = p.Close()
		return nil, err
	}
	if p.wakefd, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		_ = p.Close()
		return nil, os.NewSyscallError("eventfd", err)
	}
	// Edge-triggered: each write is an event, and nobody has to read. The
	// counter would be full after 2^64 writes.
	if err := p.Add(p.wakefd, EdgeBoth, Token{Slot: wakeSlot}); err != nil {
		_ = p.Close()
		return nil, err
	}
	// Fails when the runtime's poller does not have the descriptor, and then
	// no wait would end in time.
	if err := p.file.SetReadDeadline(time.Time{}); err != nil {
		_ = p.Close()
		return nil, fmt.Errorf("watch an epoll descriptor: %w", err)
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
	p.room = min(len(p.buf), len(events))
	// The runtime's poller tells of an event once. What is there already, as
	// with level-triggered descriptors, is only seen by looking.
	if !p.look(uintptr(p.epfd)) && timeout != 0 {
		if p.contended != nil && p.contended() {
			p.block(timeout)
		} else if err := p.park(timeout); err != nil {
			return 0, err
		}
	}
	if p.err != nil {
		return 0, os.NewSyscallError("epoll_wait", p.err)
	}
	filled := 0
	for _, ev := range p.buf[:p.n] {
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

// look takes the events that there are, without waiting, and reports whether
// there is anything to return.
func (p *epoll) look(epfd uintptr) bool {
	for {
		p.n, p.err = unix.EpollWait(int(epfd), p.buf[:p.room], 0)
		if !errors.Is(p.err, unix.EINTR) {
			return p.n > 0 || p.err != nil
		}
	}
}

// block waits in the system call. An interrupted wait is over.
func (p *epoll) block(timeout time.Duration) {
	p.n, p.err = unix.EpollWait(p.epfd, p.buf[:p.room], milliseconds(timeout))
	if errors.Is(p.err, unix.EINTR) {
		p.n, p.err = 0, nil
	}
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

// park waits until a look finds something or timeout has passed.
func (p *epoll) park(timeout time.Duration) error {
	var until time.Time
	if timeout > 0 {
		until = time.Now().Add(timeout)
	}
	if timeout > 0 || p.deadline {
		p.deadline = timeout > 0
		if err := p.file.SetReadDeadline(until); err != nil {
			return err
		}
	}
	// Read looks once more before it parks: no event is lost in between.
	err := p.ready.Read(p.look)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return err
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
	err := p.file.Close()
	if p.wakefd >= 0 {
		err = errors.Join(err, os.NewSyscallError("close", unix.Close(p.wakefd)))
	}
	return err
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
