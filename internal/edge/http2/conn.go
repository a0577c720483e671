package http2

import (
	"slices"
	"time"

	"golang.org/x/net/http2/hpack"

	"github.com/hassesd/hassesd/internal/list"
)

// Limits bound what one connection may ask for. All must be set.
type Limits struct {
	HeaderBytes int    // of one request head, as RFC 9113 counts them: SETTINGS_MAX_HEADER_LIST_SIZE
	Streams     int    // at one time: SETTINGS_MAX_CONCURRENT_STREAMS
	HeaderTable uint32 // of the peer's HPACK encoder: SETTINGS_HEADER_TABLE_SIZE; 0 saves the memory of a table
}

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

// Conn is the server's side of one connection.
type Conn struct {
	// Fixed after Start.
	limits  Limits
	codec   *Codec
	handler Handler

	// The peer's settings.
	peerWindow    int32 // SETTINGS_INITIAL_WINDOW_SIZE
	peerFrameSize int32 // SETTINGS_MAX_FRAME_SIZE

	sendWindow int32 // of the connection; may not be negative
	recvWindow int32
	unread     int32 // bytes of DATA that were consumed and not yet given back
	acks       int32 // SETTINGS frames of the peer that are not yet acknowledged

	streams    []*Stream // open, by id
	ready      list.List[Stream]
	resets     resets
	lastStream uint32 // highest number that the peer has used
	goneTo     uint32 // last stream in the GOAWAY that was sent
	out        []byte // control frames and heads that wait to be sent

	budget  budget
	decoder *hpack.Decoder // of this connection, with a table; nil: the codec's
	acked   bool           // the peer has acknowledged our settings
	goAway  bool           // GOAWAY was sent: no new streams
	failed  bool           // a connection error: what comes is thrown away

	saidNoTable bool // a head was sent, the first with noTable

	in    input
	block *block // a head that is not complete; nil: none
}

// Start begins a connection; the first thing it sends is our settings.
func (c *Conn) Start(now time.Duration, limits Limits, codec *Codec, handler Handler) {
	*c = Conn{
		limits:        limits,
		codec:         codec,
		handler:       handler,
		peerWindow:    initialWindow,
		peerFrameSize: maxFrameSize,
		sendWindow:    initialWindow,
		recvWindow:    initialWindow,
		budget:        newBudget(limits.Streams, now),
	}
	const settings = 4
	c.out = make([]byte, 0, frameHeaderLen+settings*settingLen)
	c.out = appendFrameHeader(c.out, frameHeader{length: settings * settingLen, kind: frameSettings})
	c.out = appendSetting(c.out, settingHeaderTableSize, limits.HeaderTable)
	c.out = appendSetting(c.out, settingMaxConcurrentStreams, uint32(limits.Streams))
	c.out = appendSetting(c.out, settingMaxHeaderListSize, uint32(limits.HeaderBytes))
	c.out = appendSetting(c.out, settingNoRFC7540Priorities, 1)
}

// Streams returns the open streams, in the order of their requests. The slice is lent until the
// next call of any other method.
func (c *Conn) Streams() []*Stream { return c.streams }

// Failed reports whether the connection ended with an error: once its output has left, it is to be
// closed.
func (c *Conn) Failed() bool { return c.failed }

// IsGoingAway reports whether no new streams are accepted: without a stream, the connection is of
// no more use.
func (c *Conn) IsGoingAway() bool { return c.goAway || c.failed }

// fail ends the connection with a GOAWAY. The error is the one that Receive returns.
func (c *Conn) fail(code ErrCode, reason string) *ConnError {
	if !c.failed {
		c.failed = true
		c.block, c.decoder = nil, nil
		last := c.lastStream
		if c.goAway {
			last = c.goneTo // it never grows (RFC 9113, section 6.8)
		}
		c.out = appendGoAway(c.out, last, code, reason)
		for len(c.streams) > 0 {
			c.drop(c.streams[len(c.streams)-1], code, false)
		}
	}
	return &ConnError{Code: code, Reason: reason}
}

// GoAway tells the peer to open no more streams here; those that are open stay. A second call does
// nothing.
func (c *Conn) GoAway(code ErrCode) {
	if c.goAway || c.failed {
		return
	}
	c.goAway, c.goneTo = true, c.lastStream
	c.out = appendGoAway(c.out, c.lastStream, code, "")
}

// spend charges the peer, and fails the connection if it cannot afford it.
func (c *Conn) spend(points int) error {
	if c.budget.spend(points) {
		return nil
	}
	return c.fail(EnhanceYourCalm, "too many frames that cost work")
}

// find returns the open stream of that number, or nil.
func (c *Conn) find(id uint32) *Stream {
	at, ok := slices.BinarySearchFunc(c.streams, id, func(s *Stream, id uint32) int { return int(s.id) - int(id) })
	if !ok {
		return nil
	}
	return c.streams[at]
}

// open makes a stream of a request. Numbers only grow, so that the list stays sorted.
func (c *Conn) open(id uint32, end bool) *Stream {
	s, owner := c.handler.NewStream()
	*s = Stream{id: id, sendWindow: c.peerWindow, recvWindow: initialWindow, bodyLeft: -1, owner: owner}
	s.setState(streamOpen)
	if end {
		s.setState(streamHalfClosed)
	}
	c.streams = append(c.streams, s)
	return s
}

// remove takes a stream out, whatever it had to send.
func (c *Conn) remove(s *Stream) {
	if !s.IsOpen() {
		panic("http2: internal error: a stream is removed twice")
	}
	c.budget.work += workReset
	c.unready(s)
	s.setState(streamClosed)
	at := slices.Index(c.streams, s)
	c.streams = slices.Delete(c.streams, at, at+1)
	if len(c.streams) == 0 {
		c.streams = nil
	}
}

// drop removes a stream whose answer has not ended, and tells its owner.
func (c *Conn) drop(s *Stream, code ErrCode, byPeer bool) {
	c.remove(s)
	if !s.ended {
		s.owner.Gone(code, byPeer)
	}
}

// Reset ends a stream at once; what it had to send is thrown away. The owner is not told. A client
// whose answer has ended only learns that it need not send on (RFC 9113, section 8.1).
func (c *Conn) Reset(s *Stream, code ErrCode) {
	if !s.IsOpen() {
		return
	}
	if s.ended {
		code = NoError
	}
	c.sendReset(s, code)
	c.remove(s)
}

func (c *Conn) sendReset(s *Stream, code ErrCode) {
	c.out = appendRSTStream(c.out, s.id, code)
	c.resets.add(s.id)
}

// streamError resets a stream for a mistake of the peer (RFC 9113, section 5.4.2).
func (c *Conn) streamError(id uint32, code ErrCode) error {
	if s := c.find(id); s != nil {
		c.sendReset(s, code)
		c.drop(s, code, false)
	} else {
		c.out = appendRSTStream(c.out, id, code)
		c.resets.add(id)
	}
	return c.spend(costStreamError)
}

// Check compares what the connection counts with what it holds; it is for tests.
func (c *Conn) Check() string {
	for i, s := range c.streams {
		switch {
		case !s.IsOpen():
			return "a closed stream is listed"
		case i > 0 && c.streams[i-1].id >= s.id:
			return "the streams are not in order"
		case s.isReady && s.stalled:
			return "a stream is ready and stalled"
		case s.stalled && s.sendWindow > 0:
			return "a stream with a window is stalled"
		}
	}
	if c.sendWindow < 0 {
		return "the connection's window is negative"
	}
	for s := range c.ready.All() {
		if !s.isReady || !s.IsOpen() {
			return "what is ready is not open"
		}
	}
	return ""
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
