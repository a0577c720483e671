package reactor

import (
	"net/netip"
	"time"
)

// Events says what happened to a descriptor. Several may come at once.
type Events uint8

const (
	// Readable says that a read gives bytes, the end of the stream or an error.
	Readable Events = 1 << iota
	// Writable says that a write takes bytes or gives an error.
	Writable
	// Hangup says that the peer shut down its sending side, or the connection is dead.
	// Bytes sent before may still wait to be read.
	Hangup
)

// Interest says what a descriptor is watched for.
type Interest uint8

const (
	// EdgeBoth reports each change to readable, writable or hung up once.
	EdgeBoth Interest = iota
	// LevelRead reports readable at every wait while it is so.
	LevelRead
)

// Token names a registration. It travels through the kernel with the
// registration and comes back in each of its events. Slot is a place in the
// loop's table; Generation is different for each registration, so that an event
// of an earlier owner of the same place is recognised.
type Token struct {
	Slot       int32
	Generation uint32
}

// Event is one report of a Poller.
type Event struct {
	Token  Token
	Events Events
}

// eventBatch bounds the events of one Wait.
const eventBatch = 512

// A Poller waits for descriptors and works on them for one loop. Add, Remove,
// Wait and Close are called on the loop's goroutine; Wake and the methods of
// System may be called on any.
type Poller interface {
	// Add begins to watch fd. An edge-triggered descriptor that is ready
	// already is reported at the next Wait.
	Add(fd int, interest Interest, token Token) error
	// Remove ends the watch. No Wait that begins later reports fd.
	Remove(fd int) error
	// Wait fills events and returns their number. It blocks until there is an
	// event, Wake is called or timeout has passed; a negative timeout does not
	// pass. It may return 0 early.
	Wait(events []Event, timeout time.Duration) (int, error)
	// Wake makes the Wait that is going on, or else the next one, return. It
	// does nothing after Close.
	Wake()
	// Close gives back what the Poller itself holds.
	Close() error

	System
}

// System is the operating system as far as descriptors are concerned. None of
// its methods blocks.
type System interface {
	// Read returns ErrWouldBlock, or io.EOF at the end of the stream.
	Read(fd int, p []byte) (int, error)
	// Write takes as much of p as there is room for; ErrWouldBlock if none.
	Write(fd int, p []byte) (int, error)
	// CloseWrite shuts down the sending direction of a socket.
	CloseWrite(fd int) error
	// Abortive makes the coming CloseFD of a socket send a reset and forget
	// what is still queued.
	Abortive(fd int) error
	// CloseFD frees the descriptor, whatever it returns.
	CloseFD(fd int) error
	// Accept takes one connection from a listener, non-blocking and
	// close-on-exec; ErrWouldBlock if none waits.
	Accept(fd int) (conn int, peer netip.AddrPort, err error)
	// BoundSend bounds what the kernel holds of what a socket, or a connection
	// that a listener will accept, has to send: about bytes in all, and half
	// of that before it is sent for the first time.
	BoundSend(fd, bytes int) error
	// Unsent returns how many bytes of a connection the kernel holds which the
	// peer has not acknowledged.
	Unsent(fd int) (int, error)
	// AckNow acknowledges at once what has come on a connection, if it has not
	// been yet.
	AckNow(fd int) error
	// Reserve opens a descriptor that is of no use but to be closed when
	// there are no others left.
	Reserve() (int, error)
}
