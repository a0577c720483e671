package tlsconn

import (
	"io"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// errBlocked is what a stepped descriptor returns when it would block, in the form the reactor has.
var errBlocked error = blockedError{}

type blockedError struct{}

func (blockedError) Error() string   { return "descriptor would block" }
func (blockedError) Timeout() bool   { return false }
func (blockedError) Temporary() bool { return true }

// uncut is the cut of a link that ends only when its client closes it.
const uncut = math.MaxInt

// link is a duplex byte stream in memory. Its client end is a blocking net.Conn; its server end is
// either a Descriptor that follows a script or, for comparison, a blocking net.Conn.
type link struct {
	cut    int   // the server reads so many bytes of the client's, then cutErr
	cutErr error // io.EOF where nothing is said

	mu     sync.Mutex
	cond   sync.Cond
	up     flow   // client to server
	down   flow   // server to client
	notify func() // called without mu when the server may go on; nil while nobody cares
}

// flow is one direction of a link.
type flow struct {
	buf   []byte // written, not yet read
	taken int    // bytes read so far
	trace []byte // everything ever written
	end   error  // what a reader gets after buf; nil while the writer may write more
}

func newLink() *link {
	l := &link{cut: uncut, cutErr: io.EOF}
	l.cond.L = &l.mu
	return l
}

// onEvent sets what happens when the server end becomes readable or writable.
func (l *link) onEvent(fn func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.notify = fn
}

func (l *link) event() {
	l.mu.Lock()
	fn := l.notify
	l.mu.Unlock()
	if fn != nil {
		fn()
	}
}

// put appends to one direction. Bytes for a reader that went away are dropped, as a kernel does for
// a while.
func (l *link) put(f *flow, p []byte) {
	l.mu.Lock()
	f.trace = append(f.trace, p...)
	if f.end == nil {
		f.buf = append(f.buf, p...)
	}
	l.mu.Unlock()
	l.cond.Broadcast()
}

func (l *link) finish(f *flow, end error) {
	l.mu.Lock()
	if f.end == nil {
		f.end = end
	}
	l.mu.Unlock()
	l.cond.Broadcast()
}

// close ends both directions.
func (l *link) close() {
	l.finish(&l.up, io.EOF)
	l.finish(&l.down, io.EOF)
	l.event()
}

// awaitTaken waits until the server has read n bytes of the client's stream.
func (l *link) awaitTaken(t testing.TB, n int) {
	t.Helper()
	taken := make(chan struct{})
	go func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		for l.up.taken < n {
			l.cond.Wait()
		}
		close(taken)
	}()
	receive(t, taken)
}

// takenUp returns how much of the client's stream the server has read.
func (l *link) takenUp() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.up.taken
}

// said returns everything the server has written.
func (l *link) said() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]byte(nil), l.down.trace...)
}

// takeLocked moves up to limit bytes from f to p.
func (f *flow) takeLocked(p []byte, limit int) int {
	n := copy(p[:min(len(p), limit)], f.buf)
	f.buf = f.buf[n:]
	f.taken += n
	return n
}

// clientEnd is the peer's blocking end.
type clientEnd struct{ l *link }

func (e clientEnd) Read(p []byte) (int, error) {
	l := e.l
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.down.buf) == 0 && l.down.end == nil {
		l.cond.Wait()
	}
	if len(l.down.buf) == 0 {
		return 0, l.down.end
	}
	return l.down.takeLocked(p, len(p)), nil
}

func (e clientEnd) Write(p []byte) (int, error) {
	e.l.put(&e.l.up, p)
	e.l.event()
	return len(p), nil
}

func (e clientEnd) Close() error {
	e.l.close()
	return nil
}

// CloseWrite ends the client's stream and keeps its end for reading.
func (e clientEnd) CloseWrite() {
	e.l.finish(&e.l.up, io.EOF)
	e.l.event()
}

func (clientEnd) LocalAddr() net.Addr              { return wireAddr{} }
func (clientEnd) RemoteAddr() net.Addr             { return wireAddr{} }
func (clientEnd) SetDeadline(time.Time) error      { return nil }
func (clientEnd) SetReadDeadline(time.Time) error  { return nil }
func (clientEnd) SetWriteDeadline(time.Time) error { return nil }

// blockingEnd is the server end of the comparison.
type blockingEnd struct{ clientEnd }

func (e blockingEnd) Read(p []byte) (int, error) {
	l := e.l
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.up.buf) == 0 && l.up.end == nil && l.up.taken < l.cut {
		l.cond.Wait()
	}
	if l.up.taken == l.cut {
		return 0, l.cutErr
	}
	if len(l.up.buf) == 0 {
		return 0, l.up.end
	}
	return l.up.takeLocked(p, l.cut-l.up.taken), nil
}

func (e blockingEnd) Write(p []byte) (int, error) {
	e.l.put(&e.l.down, p)
	return len(p), nil
}

// script says how a stepped descriptor behaves. Its functions get the number of bytes moved so far
// and answer how many may move now; 0 means would-block, and the event that it goes on follows at
// once. nil allows all.
type script struct {
	reads  func(at int) int
	writes func(at int) int
	silent bool // a short write returns no error
}

// steppedEnd is the server end as a Descriptor.
type steppedEnd struct {
	l *link
	script
	writeErr error       // set: writes fail
	stuck    atomic.Bool // writes would block, and no event follows
}

func (e *steppedEnd) Read(p []byte) (int, error) {
	l := e.l
	l.mu.Lock()
	if l.up.taken == l.cut {
		defer l.mu.Unlock()
		return 0, l.cutErr
	}
	if len(l.up.buf) == 0 {
		defer l.mu.Unlock()
		if l.up.end != nil {
			return 0, l.up.end
		}
		return 0, errBlocked
	}
	limit := l.cut - l.up.taken
	if e.reads != nil {
		limit = min(limit, e.reads(l.up.taken))
	}
	n := l.up.takeLocked(p, limit)
	l.mu.Unlock()
	l.cond.Broadcast()
	if n == 0 {
		l.event()
		return 0, errBlocked
	}
	return n, nil
}

func (e *steppedEnd) Write(p []byte) (int, error) {
	if e.writeErr != nil {
		return 0, e.writeErr
	}
	if e.stuck.Load() {
		return 0, errBlocked
	}
	n := len(p)
	if e.writes != nil {
		e.l.mu.Lock()
		at := len(e.l.down.trace)
		e.l.mu.Unlock()
		n = min(n, e.writes(at))
	}
	if n > 0 {
		e.l.put(&e.l.down, p[:n])
	}
	if n == len(p) {
		return n, nil
	}
	e.l.event()
	if e.silent {
		return n, nil
	}
	return n, errBlocked
}

// sink takes all bytes and never has any.
type sink struct{}

func (sink) Read([]byte) (int, error)    { return 0, errBlocked }
func (sink) Write(p []byte) (int, error) { return len(p), nil }

// splitAt lets bytes through up to offset k, would block there once, and goes on.
func splitAt(k int) func(at int) int {
	blocked := false
	return func(at int) int {
		if at < k {
			return k - at
		}
		if at == k && !blocked {
			blocked = true
			return 0
		}
		return math.MaxInt
	}
}

// stutter would block before every byte.
func stutter() func(at int) int {
	ready := false
	return func(int) int {
		ready = !ready
		if ready {
			return 0
		}
		return 1
	}
}

// cycle takes its answers from a list, over and over.
func cycle(counts ...int) func(at int) int {
	i := 0
	return func(int) int {
		i++
		return counts[(i-1)%len(counts)]
	}
}
