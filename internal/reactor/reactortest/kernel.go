// Package reactortest is an operating system in memory, for tests of what runs
// on a [reactor.Loop]: connections, listeners, a descriptor limit and a clock
// that the test moves.
//
// A test makes a [Kernel], loops with [NewLoop], and drives them by Turn. What
// the other side of a connection does, the test does through a [Peer].
package reactortest

import (
	"fmt"
	"math"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/reactor"
)

// Kernel owns the descriptors and the time of several loops. All its methods
// and those of what it makes may be called on any goroutine.
type Kernel struct {
	mu      sync.Mutex
	now     time.Time
	files   []*file // by descriptor number; nil: free
	lowest  int     // no number below is free
	open    int
	limit   int
	pollers []*Poller
}

// file is what a descriptor number stands for. Guarded by Kernel.mu.
type file struct {
	number   int
	conn     *connection // of the two at most one is set
	listener *Listener
	watch    *watch // nil: not watched
}

// NewKernel makes a Kernel at an arbitrary moment, without a descriptor limit.
func NewKernel() *Kernel {
	return &Kernel{
		now:   time.Date(2001, time.September, 9, 1, 46, 40, 0, time.UTC),
		limit: math.MaxInt,
	}
}

// Now is the clock to give to loops.
func (k *Kernel) Now() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now
}

// Advance lets time pass. Loops that wait notice.
func (k *Kernel) Advance(d time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.now = k.now.Add(d)
	for _, p := range k.pollers {
		p.signal()
	}
}

// Descriptors returns how many are open.
func (k *Kernel) Descriptors() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.open
}

// LimitDescriptors makes opening fail with EMFILE while n or more are open.
func (k *Kernel) LimitDescriptors(n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.limit = n
}

// Connect makes a connection and returns the server's descriptor, to be added
// to a loop, and the other end.
func (k *Kernel) Connect() (fd int, peer *Peer) {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := newConnection(k)
	f, err := k.openFile()
	if err != nil {
		panic("reactortest: Connect at the descriptor limit")
	}
	f.conn, c.file = c, f
	return f.number, &Peer{c: c}
}

// Listen makes a listener and returns its descriptor, for an Acceptor, and the
// side where the connections come from.
func (k *Kernel) Listen() (fd int, l *Listener) {
	k.mu.Lock()
	defer k.mu.Unlock()
	f, err := k.openFile()
	if err != nil {
		panic("reactortest: Listen at the descriptor limit")
	}
	f.listener = &Listener{kernel: k, file: f}
	return f.number, f.listener
}

// openFile takes the lowest free number, as the real one does, so that numbers
// come back as soon as they can.
func (k *Kernel) openFile() (*file, error) {
	if k.open >= k.limit {
		return nil, os.NewSyscallError("open", unix.EMFILE)
	}
	for k.lowest < len(k.files) && k.files[k.lowest] != nil {
		k.lowest++
	}
	if k.lowest == len(k.files) {
		k.files = append(k.files, nil)
	}
	f := &file{number: k.lowest}
	k.files[f.number] = f
	k.open++
	return f, nil
}

// file returns what fd stands for and panics if that is nothing: in a real
// process it might be somebody else's.
func (k *Kernel) file(fd int) *file {
	if fd < 0 || fd >= len(k.files) || k.files[fd] == nil {
		panic(fmt.Sprintf("reactortest: descriptor %d is not open", fd))
	}
	return k.files[fd]
}

func (k *Kernel) closeFile(fd int) {
	f := k.file(fd)
	if f.watch != nil {
		f.watch.drop()
	}
	switch {
	case f.conn != nil:
		f.conn.serverClose()
	case f.listener != nil:
		f.listener.close()
	}
	k.files[fd] = nil
	k.lowest = min(k.lowest, fd)
	k.open--
}

// accept takes the next connection of a listener.
func (k *Kernel) accept(fd int) (int, netip.AddrPort, error) {
	l := k.file(fd).listener
	if l == nil {
		return -1, netip.AddrPort{}, os.NewSyscallError("accept4", unix.EINVAL)
	}
	if len(l.errs) > 0 {
		err := l.errs[0]
		l.errs = l.errs[1:]
		return -1, netip.AddrPort{}, os.NewSyscallError("accept4", err)
	}
	if len(l.backlog) == 0 {
		return -1, netip.AddrPort{}, reactor.ErrWouldBlock
	}
	f, err := k.openFile()
	if err != nil {
		return -1, netip.AddrPort{}, err
	}
	c := l.backlog[0]
	l.backlog = l.backlog[1:]
	f.conn, c.file = c, f
	return f.number, c.addr, nil
}
