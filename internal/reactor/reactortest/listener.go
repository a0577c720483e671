package reactortest

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/reactor"
)

// Listener is where connections to a listening descriptor come from.
type Listener struct {
	kernel *Kernel

	// Guarded by Kernel.mu.
	file    *file // nil: closed
	backlog []*connection
	errs    []error
	window  int // of connections to come; 0: the usual
}

// Dial connects from addr. It returns at once, whether or not the connection is
// ever accepted; if the listener is closed, the peer has been reset.
func (l *Listener) Dial(addr netip.AddrPort) *Peer {
	l.kernel.mu.Lock()
	defer l.kernel.mu.Unlock()
	c := newConnection(l.kernel)
	c.addr = addr
	if l.window > 0 {
		c.window = l.window
	}
	if l.file == nil {
		c.serverEnd = serverReset
		return &Peer{c: c}
	}
	l.backlog = append(l.backlog, c)
	l.file.changed()
	return &Peer{c: c}
}

// FailAccept makes the next accept fail with errno.
func (l *Listener) FailAccept(errno unix.Errno) {
	l.kernel.mu.Lock()
	defer l.kernel.mu.Unlock()
	l.errs = append(l.errs, errno)
	l.file.changed()
}

// Waiting returns the number of connections that have not been accepted.
func (l *Listener) Waiting() int {
	l.kernel.mu.Lock()
	defer l.kernel.mu.Unlock()
	return len(l.backlog)
}

func (l *Listener) readiness() reactor.Events {
	if len(l.backlog) > 0 || len(l.errs) > 0 {
		return reactor.Readable
	}
	return 0
}

func (l *Listener) close() {
	l.file = nil
	for _, c := range l.backlog {
		c.abortive = true
		c.serverClose()
	}
	l.backlog = nil
}
