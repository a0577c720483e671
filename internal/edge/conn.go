package edge

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/list"
	"github.com/hassesd/hassesd/internal/reactor"
	"github.com/hassesd/hassesd/internal/tlsconn"
)

// wire is the byte stream of a connection, with or without TLS.
// Every method but Wake and Abort belongs to whoever owns the transport: the handshake goroutine between Start and
// done, the loop otherwise.
type wire interface {
	Wake()
	Abort(err error)
	ReadPlain(p []byte) (int, error)
	Seal(p []byte) error
	Flush() (wantWrite bool, err error)
	Pending() int
	CloseNotify() error
}

// farewell is how far the end of a connection has come, within stateDraining.
type farewell uint8

const (
	farewellQueued   farewell = iota // plaintext is still waiting
	farewellNotified                 // the last byte and close_notify are sealed
	farewellShut                     // our side of the socket is shut; waiting for the peer's end
)

// lane is which list of streams with something to send a connection stands in.
type lane uint8

const (
	laneNone    lane = iota
	laneExpress      // the event went to few streams
	laneBulk         // the event went to many, and little waits
	laneHeavy        // the event went to many, and much waits, or the connection had its share of this turn
)

// conn is one accepted socket, from accept to close.
//
// What a delivery touches lies side by side, with the TLS connection in it: ten thousand connections are in no cache. By
// BenchmarkFanout a delivery takes 4 % less of the processor so (1,110 ns for 1,150, without the kernel's part).
type conn struct {
	// Fixed at accept.
	id     uint64
	peer   netip.AddrPort
	w      *worker
	secure bool
	as     guest

	// Owned by the loop, and touched by each delivery.
	state       state
	reason      CloseReason // why it is ending; meaningful once doomed or draining
	doomed      bool        // to be closed at the end of this turn, or of one of the next
	aborted     bool        // the handshake was told to end, for reason
	blocked     bool        // the socket takes no bytes now
	peerDone    bool        // the peer will send no more
	http10      bool        // the stream is not chunked
	secondReady bool        // head holds a second request that waits for the output to drain
	deaf        bool        // bytes behind the request were thrown away: what follows is never read as a request
	step        farewell
	lane        lane
	inLane      list.Node[conn]
	markedAt    uint64 // bytes the shard had delivered when it entered the lane
	lastWrite   time.Duration
	front       []byte // plaintext that goes out before the queue: response head and first frame
	tail        []byte // plaintext that goes out after the queue: the end of the response
	wire        wire
	src         reactor.Source
	stream      hub.Stream
	tls         tlsconn.Conn // what wire is, from the first bytes of a handshake on; of no meaning without TLS

	// Owned by the loop.
	timer     reactor.Timer
	serves    func(serverName, host string) bool // which hosts the certificate is for; nil without TLS
	ticket    *admission.Waiter[*conn]           // from the first bytes of a handshake to its end
	slot      int                                // in the worker's list of connections
	head      []byte                             // an incomplete request head; nil once a stream is open, unless another request is coming
	secondEnd int                                // where in head the second request ends, if secondReady
	input     int                                // bytes that came since the request, as the socket gave them
	said      int                                // what of that, and of what came with the request, was plaintext; before the request, the blank lines
	streamAt  time.Duration                      // when the stream was opened
	endsAt    time.Duration                      // when what it was opened with is over; 0: never
	reinits   uint64
	sent      uint64 // events of subscriptions before the one in force
	agent     string // User-Agent, cut; a stranger's text

	// Fixed at accept, and of no interest to a delivery.
	acceptedAt time.Duration // since the server's start
}

// inputBudget is how many bytes may come on an open stream, as the socket gives them. A subscriber has nothing to say;
// this leaves room for a hundred key updates and for browsers that send a stray record. Where a second request is allowed,
// it comes on top.
const inputBudget = 4 << 10

// Bounds of the requests on one connection after the first, each of which may begin a replay.
const (
	reinitBurst = 32
	reinitEvery = time.Second // one more
)

// lingerTime is how long a closed connection waits for the peer's end, so that the kernel does not answer late bytes
// with a reset that would throw away what the peer has not read yet.
const lingerTime = 2 * time.Second

var errAborted = errors.New("handshake given up")

// inputLimit is how much the client may send until its next request is complete.
func (c *conn) inputLimit() int {
	if c.w.srv.reinit.Load() {
		return inputBudget + c.w.srv.config().RequestBytes
	}
	return inputBudget
}

// saysTooMuch says that the client has used up what it may send on an open stream.
func (c *conn) saysTooMuch() bool {
	return c.state == stateStreaming && max(c.input, c.said) > c.inputLimit()
}

// Read implements tlsconn.Descriptor. It counts what comes after the request, and takes no more of that from the socket
// than shows that it is too much.
func (c *conn) Read(p []byte) (int, error) {
	switch c.state {
	case stateStreaming:
		p = p[:min(len(p), max(1, c.inputLimit()-c.input+1))]
	case stateReading:
		p = p[:min(len(p), readBufSize)] // what comes with the request is in memory before it can be counted
	case stateAccepted, stateHandshaking, stateDraining, stateClosed:
	}
	n, err := c.src.Read(p)
	if n > 0 {
		c.input += n
	}
	return n, err
}

// Write implements tlsconn.Descriptor.
func (c *conn) Write(p []byte) (int, error) { return c.src.Write(p) }

// setState is the only door between states.
func (c *conn) setState(s state) {
	if s < c.state || c.state == stateClosed {
		panic("edge: internal error: connection goes from " + c.state.String() + " to " + s.String())
	}
	c.w.inState[c.state]--
	c.w.inState[s]++
	c.state = s
	cfg := c.w.srv.config()
	switch s {
	case stateAccepted:
		panic("edge: internal error: connection enters its first state twice")
	case stateHandshaking:
		// The deadline set at accept covers the wait and the handshake together.
	case stateReading:
		c.deadline(cfg.RequestTimeout)
	case stateStreaming:
		c.streamAt = c.w.now()
		c.lastWrite = c.streamAt
		c.input, c.said = 0, 0
		c.head = nil
		c.w.streamsOpened++
		c.scheduleStream()
	case stateDraining:
		// A peer that takes nothing must not keep the descriptor: what is queued has this long to go out.
		c.deadline(drainTime)
	case stateClosed:
		c.w.loop.Cancel(&c.timer)
		c.w.unmark(c)
		c.w.shard.Unsubscribe(&c.stream)
		c.w.shard.Release(&c.stream)
		c.w.closed[c.reason]++
	}
}

// setBlocked says whether the socket takes no bytes now, and keeps count of those.
func (c *conn) setBlocked(is bool) {
	switch {
	case is == c.blocked:
		return
	case is:
		c.w.blocked++
	default:
		c.w.blocked--
	}
	c.blocked = is
}

// drainTime is how long the last bytes of a connection may take to leave.
const drainTime = 5 * time.Second

func (c *conn) deadline(d time.Duration) {
	c.w.loop.Schedule(&c.timer, c, c.w.loop.Now().Add(d))
}

// fail ends the connection without another word, at the end of the turn: callers up the stack may still hold it.
func (c *conn) fail(reason CloseReason) {
	if c.doomed || c.state == stateClosed {
		return
	}
	if c.state == stateHandshaking {
		c.abort(reason) // the goroutine owns the transport; handshakeDone closes
		return
	}
	if c.state != stateDraining {
		c.reason = reason
	}
	if reason == ExcessInput {
		c.offend(admission.ProtocolBroken)
	}
	c.doomed = true
	c.w.doomed = append(c.w.doomed, c)
	c.w.loop.Wake()
}

// HandleEvents implements reactor.Handler.
func (c *conn) HandleEvents(ev reactor.Events) {
	if c.doomed {
		return // it is closed in this turn or a later one, and begins nothing more
	}
	switch c.state {
	case stateAccepted:
		switch {
		case ev&reactor.Hangup != 0:
			c.fail(ClosedByPeer)
		case ev&reactor.Readable != 0:
			c.w.wantHandshake(c)
		}
	case stateHandshaking:
		c.wire.Wake()
	case stateReading, stateStreaming, stateDraining:
		if ev&reactor.Writable != 0 && c.blocked {
			c.w.flush(c)
		}
		if ev&(reactor.Readable|reactor.Hangup) != 0 && !c.doomed && c.state != stateClosed {
			c.read()
		}
	case stateClosed:
	}
}

// HandleTimer implements reactor.TimerHandler: the one deadline a state has.
func (c *conn) HandleTimer(_ *reactor.Timer, _ time.Time) {
	if c.doomed {
		return
	}
	switch c.state {
	case stateAccepted:
		if c.ticket == nil { // it never said a word; otherwise it was we who had no place for it
			c.offend(admission.HandshakeTimeout)
		}
		c.fail(HandshakeTimeout)
	case stateHandshaking:
		c.abort(HandshakeTimeout)
	case stateReading:
		if len(c.head) > 0 { // browsers connect ahead of time, and may never ask
			c.offend(admission.RequestTimeout)
		}
		c.fail(RequestTimeout)
	case stateStreaming:
		c.streamDeadline()
	case stateDraining:
		c.fail(c.reason)
	case stateClosed:
	}
}

// abort ends a handshake; handshakeDone follows.
func (c *conn) abort(reason CloseReason) {
	if c.aborted {
		return
	}
	c.aborted, c.reason = true, reason
	c.wire.Abort(errAborted)
}

// startHandshake hands the transport to a goroutine of its own until handshakeDone.
func (c *conn) startHandshake() {
	c.setState(stateHandshaking)
	config, serves := c.w.srv.tlsConfig()
	c.serves = serves
	c.tls.Init(c, config)
	c.wire = &c.tls
	c.tls.Start(c.w.srv.gate, func(err error) {
		// Refused only when the loop has stopped, which is the end of the process.
		_ = c.w.loop.PostWait(context.Background(), func() { c.handshakeDone(err) })
	})
}

func (c *conn) handshakeDone(err error) {
	c.w.handshakeEnded(c)
	c.judgeHandshake(err)
	var panicked *tlsconn.PanicError
	switch {
	case c.aborted:
		c.closeNow()
	case errors.As(err, &panicked):
		c.w.srv.log.Error("handshake panicked", "conn", c.id, "peer", c.peer, "err", err, "stack", string(panicked.Stack))
		c.reason = HandshakeFailed
		c.closeNow()
	case err != nil:
		c.w.srv.log.Debug("handshake failed", "conn", c.id, "peer", c.peer, "err", err)
		c.handshakeFailed(err)
	case !c.speaksHTTP():
		c.setState(stateReading)
		c.answer(nil, Answered)
	default:
		c.setState(stateReading)
		c.read() // the request often comes with the client's Finished
		if c.state == stateReading {
			// A client without TCP_NODELAY keeps its request back until its Finished is acknowledged, which the kernel puts
			// off for 40 ms as we have nothing to send. Where this fails it comes that late.
			_ = c.src.AckNow()
		}
	}
}

// speaksHTTP says whether the client came for a request. One that agreed on another protocol came for the handshake
// alone, as an ACME server does to see the answer to its challenge (RFC 8737 section 3).
func (c *conn) speaksHTTP() bool {
	t, ok := c.wire.(*tlsconn.Conn)
	return !ok || t.Protocol() == "" || strings.HasPrefix(t.Protocol(), "http/1.")
}

// handshakeFailed sends the alert that crypto/tls wrote, and to somebody who speaks plain HTTP a word in plain HTTP.
// Then it waits for the peer's end like any other farewell, or the kernel would throw away what the peer has not read.
func (c *conn) handshakeFailed(err error) {
	c.reason = HandshakeFailed
	var failed *tlsconn.HandshakeError
	if errors.As(err, &failed) {
		c.explain(failed)
	}
	if isEnd(err) {
		c.closeNow()
		return
	}
	if _, err := c.wire.Flush(); err != nil {
		c.closeNow()
		return
	}
	c.wire = tlsconn.NewPlain(c)
	c.setState(stateDraining)
	c.w.flush(c)
}

// notifyClose sends close_notify where none has gone out. Both sides owe one before they close (RFC 8446 section 6.1, RFC
// 5246 section 7.2.1), the second to close as well: without it a client cannot tell our end from one that somebody on the
// way made. What a socket does not take now is not waited for.
func (c *conn) notifyClose() {
	switch c.state {
	case stateReading, stateStreaming, stateDraining:
	case stateAccepted, stateHandshaking, stateClosed:
		return
	}
	if c.blocked || c.step != farewellQueued {
		return
	}
	if c.wire.CloseNotify() == nil {
		_, _ = c.wire.Flush()
	}
}

// closeNow gives the descriptor back. Nothing may use the connection afterwards.
func (c *conn) closeNow() {
	c.notifyClose()
	c.setState(stateClosed)
	if c.blocked {
		c.src.Abort() // or the kernel would hold what the peer does not take until TCP gives up
		c.setBlocked(false)
	} else {
		c.src.Close()
	}
	c.w.leaveTurnstile(c)
	c.w.remove(c)
	c.w.srv.release(c)
	c.head, c.front, c.tail = nil, nil, nil
	c.w.srv.log.Debug("connection closed", "conn", c.id, "peer", c.peer, "reason", c.reason.String())
}

// isEnd tells the peer's end of the conversation from a failure of the transport.
func isEnd(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}
