package reactor

import (
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// wakeSlot is the slot in the token of a poller's own eventfd.
const wakeSlot = -1

// epoll is the kernel's Poller. It has two ways to wait.
//
// Usually it waits through the Go runtime's own poller, where the epoll descriptor is registered
// like any other: it is readable when it has events. A waiting loop is then a parked goroutine
// instead of a thread in a system call, which the scheduler would have to replace at each wait and
// to find a processor for at each event. With 1,000 streams and 200 small messages a second, that
// saves a third of the CPU time.
//
// Wake makes a parked loop runnable by giving its epoll descriptor a read deadline that has passed.
// That is no system call, and the loop runs next on the thread that called Wake. An eventfd would
// have to be written, wake a thread in the runtime's poller, and be looked for.
//
// But while other goroutines keep all processors busy, the runtime checks its poller only every 10
// ms (sysmon), whereas it queues a thread that returns from a system call at once. So, while
// contended reports true, the poller waits in the system call, and Wake writes to an eventfd.
type epoll struct {
	linux

	// Fixed after creation.
	epfd   int // belongs to file
	file   *os.File
	ready  syscall.RawConn    // of file
	check  func(uintptr) bool // look, made once
	wakefd int

	contended func() bool // called from any goroutine; nil: never

	// Owned by the loop.
	buf    []unix.EpollEvent
	room   int         // events that the caller of Wait has room for
	n      int         // events in buf from the last look
	err    error       // of the last look
	looked bool        // since Wait was called
	alarm  *time.Timer // calls Wake at alarms, when a parked loop has to go on; nil: never set
	alarms time.Time   // when alarm fires, or has fired

	mu sync.Mutex

	// Guarded by mu.
	waits  waiting
	woken  bool // by a Wake that no Wait has answered yet
	closed bool
}

// waiting is how the loop waits.
type waiting uint8

const (
	// waitsNot: it does not.
	waitsNot waiting = iota
	// waitsParked: as a goroutine, until its read deadline passes.
	waitsParked
	// waitsBlocked: in a system call, until the eventfd is written.
	waitsBlocked
)

// passed is a deadline that has passed.
var passed = time.Unix(1, 0)

// NewEpoll returns a Poller with an epoll descriptor and an eventfd to wake it. It also calls
// InitRuntimePoller. contended reports whether other goroutines keep the processors busy; nil means
// never.
func NewEpoll(contended func() bool) (Poller, error) {
	if err := InitRuntimePoller(); err != nil {
		return nil, err
	}
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	// os.NewFile registers only non-blocking descriptors with the runtime's poller.
	if err := unix.SetNonblock(epfd, true); err != nil {
		_ = unix.Close(epfd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	p := &epoll{epfd: epfd, wakefd: -1, contended: contended, buf: make([]unix.EpollEvent, eventBatch)}
	p.check = p.look
	p.file = os.NewFile(uintptr(epfd), "epoll")
	if p.ready, err = p.file.SyscallConn(); err != nil {
		_ = p.Close()
		return nil, err
	}
	if p.wakefd, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		_ = p.Close()
		return nil, os.NewSyscallError("eventfd", err)
	}
	// Edge-triggered: each write is an event, and no read is needed. The counter would overflow
	// after 2^64 writes.
	if err := p.Add(p.wakefd, EdgeBoth, Token{Slot: wakeSlot}); err != nil {
		_ = p.Close()
		return nil, err
	}
	// This fails if the runtime's poller does not have the descriptor. Then no wait would end in
	// time.
	if err := p.file.SetReadDeadline(time.Time{}); err != nil {
		_ = p.Close()
		return nil, fmt.Errorf("watch an epoll descriptor: %w", err)
	}
	return p, nil
}

// InitRuntimePoller makes the Go runtime set up its own poller now. Otherwise it does so at the
// first use of a pipe, a socket or a timer, and the process dies if no descriptors are left at that
// moment.
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
		// The untyped constant EPOLLET is 1 << 31, so it is cut to the type of the field.
		ev.Events |= unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET&math.MaxUint32
	}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.epfd, unix.EPOLL_CTL_ADD, fd, &ev))
}

func (p *epoll) Remove(fd int) error {
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.epfd, unix.EPOLL_CTL_DEL, fd, nil))
}

func (p *epoll) Wait(events []Event, timeout time.Duration) (int, error) {
	p.room = min(len(p.buf), len(events))
	p.n, p.err, p.looked = 0, nil, false
	switch {
	case timeout == 0:
	case p.contended != nil && p.contended():
		p.block(timeout)
	default:
		if err := p.park(timeout); err != nil {
			return 0, err
		}
	}
	if !p.looked {
		p.look(uintptr(p.epfd))
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

// look reads the events that are there, without waiting, and reports whether there is anything to
// return.
func (p *epoll) look(epfd uintptr) bool {
	p.looked = true
	for {
		p.n, p.err = unix.EpollWait(int(epfd), p.buf[:p.room], 0)
		if !errors.Is(p.err, unix.EINTR) {
			return p.n > 0 || p.err != nil
		}
	}
}

// block waits in the system call. A signal ends the wait.
func (p *epoll) block(timeout time.Duration) {
	// Let the goroutines that the loop made runnable use the core first. The runtime takes it from a
	// thread in a system call only after a while, and the goroutines, or their reply, would have to
	// wake the loop again. A Post with a reply took 26 µs without this call and 3 µs with it, on two
	// cores.
	runtime.Gosched()
	if !p.begin(waitsBlocked) {
		return
	}
	p.looked = true
	p.n, p.err = unix.EpollWait(p.epfd, p.buf[:p.room], milliseconds(timeout))
	if errors.Is(p.err, unix.EINTR) {
		p.n, p.err = 0, nil
	}
	p.end()
}

// begin notes how the loop waits from now on, and reports whether it is to wait at all: not if it
// was woken before.
func (p *epoll) begin(how waiting) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.woken {
		p.woken = false
		return false
	}
	p.waits = how
	return true
}

// end notes that the loop does not wait any more.
func (p *epoll) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.woken && p.waits == waitsParked {
		_ = p.file.SetReadDeadline(time.Time{}) // fails only when closed
	}
	p.waits, p.woken = waitsNot, false
}

// milliseconds rounds up, so that the loop does not spin during the last millisecond before a
// deadline.
func milliseconds(d time.Duration) int {
	if d < 0 {
		return -1
	}
	if d > math.MaxInt32*time.Millisecond {
		return math.MaxInt32
	}
	return int((d + time.Millisecond - 1) / time.Millisecond)
}

// park waits until a look finds something, Wake is called or timeout has passed.
func (p *epoll) park(timeout time.Duration) error {
	p.setAlarm(timeout)
	if !p.begin(waitsParked) {
		return nil
	}
	defer p.end()
	// The runtime's poller reports an event once. Read looks before it parks, so it finds events that
	// are there already, such as those of level-triggered descriptors.
	err := p.ready.Read(p.check)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return err
}

// setAlarm has Wake called after timeout, or earlier: an alarm that is set already is left alone. A
// turn without work now and then costs less than to set a timer at each wait.
func (p *epoll) setAlarm(timeout time.Duration) {
	if timeout < 0 {
		return
	}
	now := time.Now()
	at := now.Add(timeout)
	switch {
	case p.alarm == nil:
		p.alarm = time.AfterFunc(timeout, p.Wake)
	case now.Before(p.alarms) && !at.Before(p.alarms):
		return
	default:
		p.alarm.Reset(timeout)
	}
	p.alarms = at
}

func (p *epoll) Wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.woken {
		return
	}
	p.woken = true
	switch p.waits {
	case waitsNot:
	case waitsParked:
		_ = p.file.SetReadDeadline(passed) // fails only when closed
	case waitsBlocked:
		one := [8]byte{0: 1}
		// This fails only if the counter is full, and then there is an event anyway.
		_, _ = unix.Write(p.wakefd, one[:])
	}
}

func (p *epoll) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	if p.alarm != nil {
		p.alarm.Stop()
	}
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
