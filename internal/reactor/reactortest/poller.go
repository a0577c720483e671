package reactortest

import (
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/reactor"
)

// Poller is the reactor.Poller of one loop.
//
// Its Wait blocks in real time, and only until the loop has something to do; a
// Turn of 0 never blocks. The kernel's clock stands still meanwhile, unless the
// test moves it.
type Poller struct {
	kernel *Kernel
	waker  chan struct{} // capacity 1

	// Guarded by Kernel.mu.
	woken    bool
	closed   bool
	ready    []*watch      // edge-triggered, with an unreported change
	levels   []*watch      // level-triggered, all
	throttle []*connection // to be let go on at the next Wait
	injected []reactor.Event
}

// watch is the registration of a file. Guarded by Kernel.mu.
type watch struct {
	poller   *Poller
	file     *file
	interest reactor.Interest
	token    reactor.Token
	changed  bool // in poller.ready
	gone     bool
}

// NewPoller makes the Poller for one more loop.
func (k *Kernel) NewPoller() *Poller {
	k.mu.Lock()
	defer k.mu.Unlock()
	p := &Poller{kernel: k, waker: make(chan struct{}, 1)}
	k.pollers = append(k.pollers, p)
	return p
}

// Inject has the next Wait report ev, before anything else and whether or not
// anybody still knows its token.
func (p *Poller) Inject(ev reactor.Event) {
	p.kernel.mu.Lock()
	defer p.kernel.mu.Unlock()
	p.injected = append(p.injected, ev)
	p.signal()
}

// Add implements reactor.Poller.
func (p *Poller) Add(fd int, interest reactor.Interest, token reactor.Token) error {
	p.kernel.mu.Lock()
	defer p.kernel.mu.Unlock()
	f := p.kernel.file(fd)
	if f.watch != nil {
		return os.NewSyscallError("epoll_ctl", unix.EEXIST)
	}
	w := &watch{poller: p, file: f, interest: interest, token: token}
	f.watch = w
	if interest == reactor.LevelRead {
		p.levels = append(p.levels, w)
		p.signal()
	} else {
		w.change()
	}
	return nil
}

// Remove implements reactor.Poller.
func (p *Poller) Remove(fd int) error {
	p.kernel.mu.Lock()
	defer p.kernel.mu.Unlock()
	w := p.kernel.file(fd).watch
	if w == nil || w.poller != p {
		return os.NewSyscallError("epoll_ctl", unix.ENOENT)
	}
	w.drop()
	return nil
}

// Wait implements reactor.Poller.
func (p *Poller) Wait(events []reactor.Event, timeout time.Duration) (int, error) {
	var passed <-chan time.Time
	if timeout > 0 {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		passed = timer.C
	}
	for {
		n, woken := p.collect(events)
		if n > 0 || woken || timeout == 0 {
			return n, nil
		}
		select {
		case <-p.waker:
		case <-passed:
			return 0, nil
		}
	}
}

// Wake implements reactor.Poller.
func (p *Poller) Wake() {
	p.kernel.mu.Lock()
	defer p.kernel.mu.Unlock()
	p.woken = true
	p.signal()
}

// Close implements reactor.Poller.
func (p *Poller) Close() error {
	p.kernel.mu.Lock()
	defer p.kernel.mu.Unlock()
	p.closed = true
	return nil
}

// Closed reports whether the loop has given the poller back.
func (p *Poller) Closed() bool {
	p.kernel.mu.Lock()
	defer p.kernel.mu.Unlock()
	return p.closed
}

func (p *Poller) collect(events []reactor.Event) (n int, woken bool) {
	p.kernel.mu.Lock()
	defer p.kernel.mu.Unlock()
	woken, p.woken = p.woken, false
	for _, c := range p.throttle {
		c.letGo()
	}
	p.throttle = p.throttle[:0]

	injected := copy(events, p.injected)
	p.injected = p.injected[injected:]
	n = injected
	for _, w := range p.levels {
		if n < len(events) && w.file.readiness()&reactor.Readable != 0 {
			events[n] = reactor.Event{Token: w.token, Events: reactor.Readable}
			n++
		}
	}
	looked := 0
	for _, w := range p.ready {
		if n == len(events) {
			break
		}
		looked++
		if w.gone {
			continue
		}
		w.changed = false
		if ready := w.file.readiness(); ready != 0 {
			events[n] = reactor.Event{Token: w.token, Events: ready}
			n++
		}
	}
	rest := copy(p.ready, p.ready[looked:])
	clear(p.ready[rest:])
	p.ready = p.ready[:rest]
	return n, woken
}

// signal ends the Wait that is going on.
func (p *Poller) signal() {
	select {
	case p.waker <- struct{}{}:
	default:
	}
}

// change has the next Wait look at an edge-triggered file. As with the real
// one, what is reported then is all that is true of it at that moment.
func (w *watch) change() {
	if w.interest == reactor.EdgeBoth && !w.changed {
		w.changed = true
		w.poller.ready = append(w.poller.ready, w)
	}
	w.poller.signal()
}

func (w *watch) drop() {
	w.gone = true
	w.file.watch = nil
	if w.interest != reactor.LevelRead {
		return
	}
	for i, other := range w.poller.levels {
		if other == w {
			w.poller.levels = append(w.poller.levels[:i], w.poller.levels[i+1:]...)
			return
		}
	}
}

func (f *file) readiness() reactor.Events {
	switch {
	case f.conn != nil:
		return f.conn.readiness()
	case f.listener != nil:
		return f.listener.readiness()
	default:
		return 0
	}
}

// changed tells whoever watches the file.
func (f *file) changed() {
	if f != nil && f.watch != nil {
		f.watch.change()
	}
}

// Read implements reactor.System.
func (p *Poller) Read(fd int, b []byte) (int, error) {
	p.kernel.mu.Lock()
	defer p.kernel.mu.Unlock()
	c := p.kernel.file(fd).conn
	if c == nil {
		return 0, os.NewSyscallError("read", unix.EINVAL)
	}
	return c.serverRead(b)
}

// Write implements reactor.System.
func (p *Poller) Write(fd int, b []byte) (int, error) {
	p.kernel.mu.Lock()
	defer p.kernel.mu.Unlock()
	c := p.kernel.file(fd).conn
	if c == nil {
		return 0, os.NewSyscallError("write", unix.ENOTSOCK)
	}
	return c.serverWrite(b)
}

// CloseWrite implements reactor.System.
func (p *Poller) CloseWrite(fd int) error {
	p.kernel.mu.Lock()
	defer p.kernel.mu.Unlock()
	c := p.kernel.file(fd).conn
	if c == nil {
		return os.NewSyscallError("shutdown", unix.ENOTSOCK)
	}
	c.serverCloseWrite()
	return nil
}

// Abortive implements reactor.System.
func (p *Poller) Abortive(fd int) error {
	p.kernel.mu.Lock()
	defer p.kernel.mu.Unlock()
	c := p.kernel.file(fd).conn
	if c == nil {
		return os.NewSyscallError("setsockopt", unix.ENOTSOCK)
	}
	c.abortive = true
	return nil
}

// CloseFD implements reactor.System. Closing what is not open panics.
func (p *Poller) CloseFD(fd int) error {
	p.kernel.mu.Lock()
	defer p.kernel.mu.Unlock()
	p.kernel.closeFile(fd)
	return nil
}

// Accept implements reactor.System.
func (p *Poller) Accept(fd int) (int, netip.AddrPort, error) {
	p.kernel.mu.Lock()
	defer p.kernel.mu.Unlock()
	return p.kernel.accept(fd)
}

// BoundSend implements reactor.System: a listener's connections take so much
// from now on when their peer does not read.
func (p *Poller) BoundSend(fd, bytes int) error {
	p.kernel.mu.Lock()
	defer p.kernel.mu.Unlock()
	switch f := p.kernel.file(fd); {
	case f.listener != nil:
		f.listener.window = bytes
	case f.conn != nil:
		f.conn.window = bytes
	default:
		return os.NewSyscallError("setsockopt", unix.ENOTSOCK)
	}
	return nil
}

// AckNow implements reactor.System: [Peer.Acks] counts it.
func (p *Poller) AckNow(fd int) error {
	p.kernel.mu.Lock()
	defer p.kernel.mu.Unlock()
	c := p.kernel.file(fd).conn
	if c == nil {
		return os.NewSyscallError("setsockopt", unix.ENOTSOCK)
	}
	c.acks++
	return nil
}

// Unsent implements reactor.System.
func (p *Poller) Unsent(fd int) (int, error) {
	p.kernel.mu.Lock()
	defer p.kernel.mu.Unlock()
	c := p.kernel.file(fd).conn
	if c == nil {
		return 0, os.NewSyscallError("ioctl", unix.ENOTTY)
	}
	return len(c.toClient), nil
}

// Reserve implements reactor.System.
func (p *Poller) Reserve() (int, error) {
	p.kernel.mu.Lock()
	defer p.kernel.mu.Unlock()
	f, err := p.kernel.openFile()
	if err != nil {
		return -1, err
	}
	return f.number, nil
}
