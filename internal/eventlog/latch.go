package eventlog

import "sync/atomic"

// latch is closed at first, and opened once. Its channel is made for the first who asks: most
// publishers never do, and it would take a quarter of what publishing a short message allocates.
// The zero value is closed.
type latch struct {
	channel atomic.Pointer[chan struct{}] // nil: nobody asked yet; openChannel: open
}

// openChannel is the channel of all latches that are open.
var openChannel = func() *chan struct{} { //nolint:gochecknoglobals // closed, and never changed
	c := make(chan struct{})
	close(c)
	return &c
}()

// open opens the latch. It is called once.
func (l *latch) open() {
	if c := l.channel.Swap(openChannel); c != nil {
		close(*c)
	}
}

// isOpen reports whether open was called.
func (l *latch) isOpen() bool { return l.channel.Load() == openChannel }

// opened returns a channel that is closed once the latch is open.
func (l *latch) opened() <-chan struct{} {
	c := l.channel.Load()
	if c == nil {
		made := make(chan struct{})
		if c = &made; !l.channel.CompareAndSwap(nil, c) {
			c = l.channel.Load() // another caller's, or open: it is never nil again
		}
	}
	return *c
}
