// Package transport is one accepted socket, with or without TLS, from accept to the last FIN. It
// knows no HTTP and no hub: those are up to the connection's [Protocol].
package transport

import (
	"time"

	"github.com/hassesd/hassesd/internal/reactor"
	"github.com/hassesd/hassesd/internal/tlsconn"
)

// Protocol is what runs over a connection. Its methods are called on the connection's loop. All of
// them except Closed may end the connection.
type Protocol interface {
	// Preamble consumes bytes that come before the connection's own, and are valid until it returns.
	// more is how many must follow at least; no more than that are read. With 0 the preamble is over.
	Preamble(p []byte) (more int)
	// PreambleDone is called when the connection itself begins, unless Preamble has ended it. Set the
	// deadline.
	PreambleDone()
	// Greeted is called when a TLS client has sent bytes before its handshake. Call Conn.Handshake,
	// now or later.
	Greeted()
	// HandshakeDone is called when the handshake has ended. Without an error call Conn.Open; with
	// one, Conn.Close or Conn.Reject. aborted: Conn.Abort was called, perhaps too late to make a
	// difference.
	HandshakeDone(facts Facts, err error, aborted bool)
	// ReadLimit returns how many bytes the next read of an open socket may take, or -1 for no
	// limit.
	ReadLimit() int
	// Took is called when n bytes were read from an open socket, plaintext or not.
	Took(n int)
	// Receive consumes the client's plaintext, which is valid until it returns. p may be empty: not
	// all input is data.
	Receive(p []byte)
	// NextRecord returns the plaintext of the next record, at most tlsconn.MaxSeal bytes and valid
	// until the next call. spent is the cost of this visit so far, in records; cost is the cost of
	// finding this record, without writing it. If p is empty, later reports whether there is more
	// to send in another visit.
	NextRecord(spent int) (p []byte, cost int, later bool)
	// Writable asks for a call of Conn.Write: now, or at the connection's next turn if soon is set.
	Writable(soon bool)
	// ReadFailed is called when the client sends no more, or the connection broke.
	ReadFailed(err error)
	// WriteFailed is called when the socket or the TLS state is broken.
	WriteFailed(err error)
	// Expired is called when the deadline has passed, in a state before Closing.
	Expired()
	// Failing is called by Conn.Fail. Call Conn.Close at the end of this turn or of a later one.
	Failing()
	// Closed is called when the descriptor has been closed. The connection must not be used any
	// more.
	Closed()
}

// Facts are what a handshake has negotiated, or had until it failed.
type Facts struct {
	Version    uint16 // 0: no TLS
	Cipher     uint16
	Protocol   string // ALPN; empty: none was agreed on
	ServerName string // SNI as the client sent it; empty: none
	Resumed    bool   // a session of an earlier connection went on
}

// Loop is what the connections of one event loop share. All of it runs on that loop.
type Loop struct {
	Reactor *reactor.Loop
	// ReadBuffer bounds one read: crypto/tls never shrinks its own buffer, so it is handed small
	// ones.
	ReadBuffer []byte
	// Records keeps the records of TLS connections that crypto/tls has handed over.
	Records *tlsconn.Records

	inState [numStates]int
	blocked int
	sent    uint64
	keepers [tlsconn.NumKeepers]uint64
}

// Sent returns how many bytes were given to the sockets, without those of TLS itself.
func (l *Loop) Sent() uint64 { return l.sent }

// InState returns the number of connections in a state.
func (l *Loop) InState(s State) int { return l.inState[s] }

// Blocked returns the number of connections whose socket takes no bytes.
func (l *Loop) Blocked() int { return l.blocked }

// Keepers returns how many handshakes have succeeded, by who has kept the records.
func (l *Loop) Keepers() [tlsconn.NumKeepers]uint64 { return l.keepers }

// Conn is one accepted socket, embedded by value in its owner. Fields used by every delivery come
// first, with the TLS connection among them, so that a delivery touches few cache lines. That saves
// 4 % of its CPU time (BenchmarkFanout: 1,110 ns against 1,150, without the kernel).
type Conn struct {
	// Owned by the loop.
	state    State
	step     closeStep
	blocked  bool // the socket takes no bytes now
	peerDone bool // the peer will send no more
	aborted  bool // Abort was called
	secure   bool // TLS; fixed at accept
	input    inputState
	discards uint8
	protocol Protocol
	plain    *tlsconn.Plain // without TLS, or after a handshake that failed: the wire
	source   reactor.Source
	tls      tlsconn.Conn // otherwise the wire, from the beginning of a handshake on
	loop     *Loop
	timer    reactor.Timer
}

// inputState is a set of what is known of the input, in one byte: a connection has no room for three.
type inputState uint8

const (
	inputHeld    inputState = 1 << iota // nothing is read while the connection is open
	inputDrained                        // the last read has emptied the socket, and no event has come since
	inputHungUp                         // the peer's end was announced: only a read to the end finds it
)

func (s inputState) has(what inputState) bool { return s&what != 0 }

func (s *inputState) set(what inputState, is bool) {
	*s &^= what
	if is {
		*s |= what
	}
}

// wire is the byte stream of a connection, with or without TLS. Every method but Wake and Abort
// belongs to whoever owns the transport: the handshake's goroutine between Start and done, the loop
// otherwise.
type wire interface {
	Wake()
	Abort(err error)
	ReadPlain(p []byte) (int, error)
	Seal(p []byte) error
	Flush() (wantWrite bool, err error)
	Pending() int
	CloseNotify() error
}

// wire returns the byte stream. There is none before Open or Handshaking.
func (c *Conn) wire() wire {
	if c.plain != nil {
		return c.plain
	}
	return &c.tls
}

// State returns the current state.
func (c *Conn) State() State { return c.state }

// IsBlocked reports whether the socket takes no bytes now.
func (c *Conn) IsBlocked() bool { return c.blocked }

// IsSecure reports whether the connection is one of TLS, also before its handshake.
func (c *Conn) IsSecure() bool { return c.secure }

// IsHandedOver reports whether crypto/tls has handed the records over.
func (c *Conn) IsHandedOver() bool { return c.tls.IsHandedOver() }

// IsFailing reports whether the connection only waits for its Close: nothing more is read or
// written.
func (c *Conn) IsFailing() bool { return c.step >= closeUnsaid }

// Unwritten returns how many sealed bytes have not been written to the socket.
func (c *Conn) Unwritten() int {
	if c.state <= Handshaking { // its goroutine owns the wire until it is done
		return 0
	}
	return c.wire().Pending()
}

// Unacknowledged returns how many written bytes the peer has not acknowledged. It costs a system
// call.
func (c *Conn) Unacknowledged() (int, error) { return c.source.Unsent() }

// BoundSend bounds how much the kernel buffers for sending; 0: reactor.DefaultSendBytes.
func (c *Conn) BoundSend(bytes int) error {
	if bytes == 0 {
		bytes = reactor.DefaultSendBytes
	}
	return c.source.BoundSend(bytes)
}

// SetDeadline sets the connection's only deadline. Protocol.Expired follows.
func (c *Conn) SetDeadline(at time.Time) { c.loop.Reactor.Schedule(&c.timer, c, at) }

// ClearDeadline removes the deadline.
func (c *Conn) ClearDeadline() { c.loop.Reactor.Cancel(&c.timer) }

func (c *Conn) setTimeout(d time.Duration) { c.SetDeadline(c.loop.Reactor.Now().Add(d)) }

// DrainTime is how long the last bytes of a connection may take to leave.
const DrainTime = 5 * time.Second

// LingerTime is how long a connection waits for the peer's end after sending its own. If it closed
// at once, the kernel would answer late bytes with a reset, which discards what the peer has not
// read yet.
const LingerTime = 2 * time.Second

// setState is the only way between states.
func (c *Conn) setState(s State) {
	if s < c.state || c.state == Closed {
		panic("transport: internal error: connection goes from " + c.state.String() + " to " + s.String())
	}
	c.loop.inState[c.state]--
	c.loop.inState[s]++
	c.state = s
	switch s {
	case Preamble:
		panic("transport: internal error: connection enters its first state twice")
	case Accepted:
	case Handshaking:
		// The deadline set at accept covers the wait and the handshake together.
	case Open:
		// The protocol sets its own.
	case Closing:
		// A peer that reads nothing must not keep the descriptor.
		c.setTimeout(DrainTime)
		c.Resume() // and throw away what comes
	case Closed:
		c.ClearDeadline()
		c.setBlocked(false)
	}
}

// setBlocked records whether the socket takes no bytes now.
func (c *Conn) setBlocked(is bool) {
	switch {
	case is == c.blocked:
		return
	case is:
		c.loop.blocked++
	default:
		c.loop.blocked--
	}
	c.blocked = is
}
