package reactor

import (
	"net/netip"
	"time"
)

// Events is a set of things that happened to a descriptor.
type Events uint8

const (
	// Readable means that a read returns bytes, the end of the stream or an error.
	Readable Events = 1 << iota
	// Writable means that a write accepts bytes or returns an error.
	Writable
	// Hangup means that the peer has shut down its sending side, or that the connection is dead.
	// Bytes sent before may still wait to be read.
	Hangup
)

// Interest is what a descriptor is watched for.
type Interest uint8

const (
	// EdgeBoth reports each change to readable, writable or hung up once.
	EdgeBoth Interest = iota
	// LevelRead reports readable at every wait while the descriptor is readable.
	LevelRead
)

// Token identifies a registration. The kernel returns it with each event. Slot is an index into the
// loop's table. Generation differs for each registration, so that the loop recognises an event for
// an earlier owner of the slot.
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

// A Poller waits for descriptors and operates on them, for one loop. Add, Remove, Wait and Close
// are called on the loop's goroutine; Wake and the methods of System may be called on any.
type Poller interface {
	// Add starts to watch fd. The next Wait reports an edge-triggered descriptor that is ready
	// already.
	Add(fd int, interest Interest, token Token) error
	// Remove stops watching fd. No later Wait reports it.
	Remove(fd int) error
	// Wait fills events and returns their number. It blocks until there is an event, Wake is called
	// or the timeout has passed. A negative timeout means none. It may return 0 early.
	Wait(events []Event, timeout time.Duration) (int, error)
	// Wake makes the current Wait, or else the next one, return. It does nothing after Close.
	Wake()
	// Close releases what the Poller itself holds.
	Close() error

	System
}

// System is the operating system's calls for descriptors. None of its methods blocks.
type System interface {
	// Read returns ErrWouldBlock, or io.EOF at the end of the stream.
	Read(fd int, p []byte) (int, error)
	// Write writes as much of p as there is room for, or returns ErrWouldBlock.
	Write(fd int, p []byte) (int, error)
	// CloseWrite shuts down the sending direction of a socket.
	CloseWrite(fd int) error
	// Abortive makes the next CloseFD of a socket send a reset and drop what is still queued.
	Abortive(fd int) error
	// CloseFD frees the descriptor, even when it returns an error.
	CloseFD(fd int) error
	// Accept accepts one connection from a listener, non-blocking and close-on-exec, or returns
	// ErrWouldBlock.
	Accept(fd int) (conn int, peer netip.AddrPort, err error)
	// BoundSend bounds how much the kernel buffers for sending, on a socket or on the connections
	// of a listener: about that many bytes in all, and half of that not yet sent once.
	BoundSend(fd, bytes int) error
	// Unsent returns how many bytes of a connection in the kernel the peer has not acknowledged.
	Unsent(fd int) (int, error)
	// AckNow acknowledges received data at once, if it has not been acknowledged yet.
	AckNow(fd int) error
	// Reserve opens a descriptor whose only use is to be closed when the process runs out of them.
	Reserve() (int, error)
}
