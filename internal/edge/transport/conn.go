// Package transport is one accepted socket, with or without TLS, from accept to the last FIN. It knows no HTTP and no hub:
// what is said over a connection is its [Protocol]'s business.
package transport

import (
	"time"

	"github.com/hassesd/hassesd/internal/reactor"
	"github.com/hassesd/hassesd/internal/tlsconn"
)

// Protocol is what runs over a connection. Its methods run on the connection's loop; all of them but Closed may end the
// connection.
type Protocol interface {
	// Greeted: a client of TLS has sent its first bytes, or more of them. Conn.Handshake is to follow, now or later.
	Greeted()
	// HandshakeDone: the handshake has ended. Without an error Conn.Open is to follow, with one Conn.Close or Conn.Reject.
	// With aborted set, Conn.Abort was called, perhaps too late to make a difference.
	HandshakeDone(facts Facts, err error, aborted bool)
	// ReadLimit returns how many bytes the next read of an open socket may take, or -1 for any number.
	ReadLimit() int
	// Took: an open socket gave n bytes, of whatever they are.
	Took(n int)
	// Receive: p is the client's plaintext, lent until it returns. It may be empty: what came need not be data.
	Receive(p []byte)
	// NextRecord returns the plaintext of the next record, at most tlsconn.MaxSeal bytes, lent until the next call. spent is
	// what the visit has cost so far, in records; cost is what finding this one took beside writing it. Without plaintext,
	// later reports whether there is more to send that has to wait for another visit.
	NextRecord(spent int) (p []byte, cost int, later bool)
	// Writable: Conn.Write is to be called now, or, with soon set, by its turn.
	Writable(soon bool)
	// ReadFailed: the client sends no more, or the connection broke.
	ReadFailed(err error)
	// WriteFailed: the socket or the state of TLS is broken.
	WriteFailed(err error)
	// Expired: the time set by SetDeadline is over, in a state before Closing.
	Expired()
	// Failing: Conn.Fail was called, and Conn.Close is to follow at the end of this turn or of a later one.
	Failing()
	// Closed: the descriptor was given back. The connection is not to be used any more.
	Closed()
}

// Facts are what a handshake has agreed on, or had until it failed.
type Facts struct {
	Version    uint16 // 0: no TLS
	Cipher     uint16
	Protocol   string // ALPN; empty: none was agreed on
	ServerName string // SNI as the client sent it; empty: none
}

// Loop is what the connections of one event loop share. All of it runs on that loop.
type Loop struct {
	Reactor *reactor.Loop
	// ReadBuffer bounds one read: crypto/tls never shrinks its own buffer, so it is handed small ones.
	ReadBuffer []byte

	inState [numStates]int
	blocked int
}

// InState returns the number of connections in a state.
func (l *Loop) InState(s State) int { return l.inState[s] }

// Blocked returns the number of connections whose socket takes no bytes.
func (l *Loop) Blocked() int { return l.blocked }

// Conn is one accepted socket, embedded by value in what it belongs to. What a delivery touches lies side by side, with the
// TLS connection in it: ten thousand connections are in no cache. By BenchmarkFanout a delivery takes 4 % less of the
// processor so (1,110 ns for 1,150, without the kernel's part).
type Conn struct {
	// Owned by the loop.
	state    State
	step     closeStep
	blocked  bool // the socket takes no bytes now
	peerDone bool // the peer will send no more
	aborted  bool // the handshake was told to end
	protocol Protocol
	loop     *Loop
	wire     wire
	source   reactor.Source
	tls      tlsconn.Conn // what wire is, from the beginning of a handshake on; of no meaning without TLS
	timer    reactor.Timer
}

// wire is the byte stream of a connection, with or without TLS. Every method but Wake and Abort belongs to whoever owns the
// transport: the handshake's goroutine between Start and done, the loop otherwise.
type wire interface {
	Wake()
	Abort(err error)
	ReadPlain(p []byte) (int, error)
	Seal(p []byte) error
	Flush() (wantWrite bool, err error)
	Pending() int
	CloseNotify() error
}

// State returns where the connection is in its life.
func (c *Conn) State() State { return c.state }

// IsBlocked reports whether the socket takes no bytes now.
func (c *Conn) IsBlocked() bool { return c.blocked }

// IsFailing reports whether the connection has only to be closed: nothing more is read or written.
func (c *Conn) IsFailing() bool { return c.step >= closeUnsaid }

// Unwritten returns how many sealed bytes have not been written to the socket.
func (c *Conn) Unwritten() int {
	if c.wire == nil || c.state == Handshaking { // its goroutine owns it until it is done
		return 0
	}
	return c.wire.Pending()
}

// Unacknowledged returns how many bytes were written and are not acknowledged by the peer. It costs a system call.
func (c *Conn) Unacknowledged() (int, error) { return c.source.Unsent() }

// SetDeadline sets the one deadline of the state: Protocol.Expired follows.
func (c *Conn) SetDeadline(at time.Time) { c.loop.Reactor.Schedule(&c.timer, c, at) }

// ClearDeadline leaves the state without one.
func (c *Conn) ClearDeadline() { c.loop.Reactor.Cancel(&c.timer) }

func (c *Conn) setTimeout(d time.Duration) { c.SetDeadline(c.loop.Reactor.Now().Add(d)) }

// DrainTime is how long the last bytes of a connection may take to leave.
const DrainTime = 5 * time.Second

// LingerTime is how long a connection whose end was sent waits for the peer's, so that the kernel does not answer late
// bytes with a reset that would throw away what the peer has not read yet.
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
	case Accepted:
		panic("transport: internal error: connection enters its first state twice")
	case Handshaking:
		// The deadline set at accept covers the wait and the handshake together.
	case Open:
		// The protocol sets its own.
	case Closing:
		// A peer that takes nothing must not keep the descriptor: what is queued has this long to go out.
		c.setTimeout(DrainTime)
	case Closed:
		c.ClearDeadline()
		c.setBlocked(false)
	}
}

// setBlocked notes whether the socket takes no bytes now.
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
