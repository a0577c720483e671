package http2

import "time"

// Handler acts on what the peer asks for. Receive calls its methods.
type Handler interface {
	// NewStream returns a fresh Stream for a request, and its owner. Request follows for the same
	// stream.
	NewStream() (*Stream, Owner)
	// Request is called with a complete head; end is true if no body follows. It may answer at once.
	Request(s *Stream, head *Head, end bool)
	// TooLarge is called instead of Request for a head over the limit. The body, if there is one,
	// is not read.
	TooLarge(s *Stream)
	// Refused is called instead of Request for a malformed request (ProtocolError) and for one that
	// is over the bound on streams or comes after GOAWAY (RefusedStream). There is no stream;
	// RST_STREAM is queued.
	Refused(code ErrCode)
	// AcceptsBody reports whether the body of the stream, whose request was handled, is wanted.
	// Otherwise it is thrown away as it comes.
	AcceptsBody(s *Stream) bool
}

// connState is the life cycle of a connection. It only moves forward.
type connState uint8

const (
	connOpen      connState = iota
	connGoingAway           // GOAWAY was sent: no new streams
	connFailed              // a connection error, with its GOAWAY: what comes is thrown away, and nothing else is sent
)

// Conn is the server's side of one connection. There are very many that rest, each with a stream or
// two: what they need only while they are at work is in Shared.
type Conn struct {
	// Fixed after Start.
	shared  *Shared
	handler Handler

	streams    streamList // open
	send       sender
	recv       receiver
	budget     budget
	resets     *resets
	lastStream uint32 // highest number that the peer has used
	state      connState
}

// Start begins a connection; the first thing it sends is our settings.
func (c *Conn) Start(now time.Duration, shared *Shared, handler Handler) {
	*c = Conn{
		shared:  shared,
		handler: handler,
		send:    sender{window: initialWindow, initial: initialWindow},
		recv:    receiver{input: &input{phase: inPreface}, window: recvWindow{left: initialWindow}},
		budget:  newBudget(now, shared.points),
	}
	c.send.settings(shared.limits)
}

// Streams returns the open streams, in the order of their requests. The slice is lent until the
// next call of any other method.
func (c *Conn) Streams() []*Stream { return c.streams }

// Shared returns what the connection shares with others.
func (c *Conn) Shared() *Shared { return c.shared }

// Failed reports whether the connection ended with an error: once its output has left, it is to be
// closed. Its streams are the owner's to end, with Forget.
func (c *Conn) Failed() bool { return c.state == connFailed }

// IsGoingAway reports whether no new streams are accepted: without a stream, the connection is of
// no more use.
func (c *Conn) IsGoingAway() bool { return c.state != connOpen }

// fail ends the connection with a GOAWAY, the last that is sent. The error is the one that Receive
// returns. The streams that are open stay listed, until Forget: there may be ten thousand.
func (c *Conn) fail(code ErrCode, reason string) *ConnError {
	if c.state != connFailed {
		last := c.lastStream
		if c.state == connGoingAway {
			last = c.send.goneTo // it never grows (RFC 9113, section 6.8)
		}
		c.state = connFailed
		c.recv.decoder = nil // it may stand within a block
		c.send.goAway(last, code, reason)
	}
	return &ConnError{Code: code, Reason: reason}
}

// GoAway tells the peer to open no more streams here; those that are open stay. A second call does
// nothing.
func (c *Conn) GoAway(code ErrCode) {
	if c.state == connOpen {
		c.state = connGoingAway
		c.send.goAway(c.lastStream, code, "")
	}
}

// open makes a stream of a request; end is true if it has no body, and length is what it states
// about that.
func (c *Conn) open(id uint32, end bool, length int64) *Stream {
	s, owner := c.handler.NewStream()
	*s = Stream{id: id, sendWindow: c.send.initial, owner: owner}
	s.setState(streamOpen)
	if end {
		s.setState(streamHalfClosed)
	} else {
		s.body = &body{left: length, window: recvWindow{left: initialWindow}}
	}
	c.streams = append(c.streams, s)
	return s
}

// isIdle reports whether a stream has never been open: those with even numbers would be ours.
func (c *Conn) isIdle(id uint32) bool { return id > c.lastStream || id%2 == 0 }

// remove takes a stream out, whatever it had to send.
func (c *Conn) remove(s *Stream) {
	if !s.IsOpen() {
		panic("http2: internal error: a stream is removed twice")
	}
	c.shared.work += workReset
	c.send.unready(s)
	s.setState(streamClosed)
	c.streams.remove(s)
}

// drop removes a stream whose answer has not ended, and tells its owner.
func (c *Conn) drop(s *Stream, code ErrCode, byPeer bool) {
	c.remove(s)
	if !s.ended {
		s.owner.Gone(code, byPeer)
	}
}

// Forget takes a stream out of a connection that is over. The owner is not told, nor is the client.
func (c *Conn) Forget(s *Stream) { c.remove(s) }

// Reset ends a stream at once; what it had to send is thrown away. The owner is not told. A client
// whose answer has ended only learns that it need not send on (RFC 9113, section 8.1).
func (c *Conn) Reset(s *Stream, code ErrCode) {
	switch {
	case !s.IsOpen():
		return
	case c.Failed():
		c.Forget(s)
		return
	}
	if s.ended {
		code = NoError
	}
	c.sendReset(s.id, code)
	c.remove(s)
}

func (c *Conn) sendReset(id uint32, code ErrCode) {
	c.send.reset(id, code)
	c.resets = c.resets.with(id)
}

// streamError resets a stream for a mistake of the peer (RFC 9113, section 5.4.2).
func (c *Conn) streamError(id uint32, code ErrCode) error {
	c.sendReset(id, code)
	if s := c.streams.find(id); s != nil {
		c.drop(s, code, false)
	}
	return c.spend(costStreamError)
}

// endSent acts on the END_STREAM that was just written. A stream whose request is not complete
// waits for the rest.
func (c *Conn) endSent(s *Stream) {
	if s.state == streamOpen {
		s.ended = true
	} else {
		c.remove(s)
	}
	s.owner.Done()
}

// peerEnded acts on the client's END_STREAM.
func (c *Conn) peerEnded(s *Stream) {
	s.setState(streamHalfClosed)
	if s.ended {
		c.remove(s)
	}
}

// Check compares what the connection counts with what it holds; it is for tests.
func (c *Conn) Check() string {
	ready := 0
	for i, s := range c.streams {
		switch {
		case !s.IsOpen():
			return "a closed stream is listed"
		case i > 0 && c.streams[i-1].id >= s.id:
			return "the streams are not in order"
		case s.isReady() && s.stalled:
			return "a stream is ready and stalled"
		case s.stalled && s.sendWindow > 0:
			return "a stream with a window is stalled"
		case (s.body != nil) != (s.state == streamOpen):
			return "a stream is to have a body, or not, against its state"
		}
		if s.isReady() {
			ready++
		}
	}
	if c.send.window < 0 {
		return "the connection's window is negative"
	}
	if fault := c.send.ready.check(ready); fault != "" {
		return fault
	}
	if c.recv.input == &c.shared.input {
		return "a connection that rests holds what is shared"
	}
	return ""
}

// spend charges the peer, and fails the connection if it cannot afford it.
func (c *Conn) spend(points int) error {
	c.shared.work += workFrame
	if c.budget.spend(points, c.shared.points) {
		return nil
	}
	return c.fail(EnhanceYourCalm, "too many frames that cost work")
}

// earn gives the peer points back.
func (c *Conn) earn(points int) { c.budget.add(points, c.shared.points) }

// Credit gives back what a request costs, with the empty frame at its end and two WINDOW_UPDATEs for
// its answer: the client may make as many of the kind as it likes.
func (c *Conn) Credit() { c.earn(costRequest + 3*costFrame) }
