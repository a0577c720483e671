package http1

import "github.com/hassesd/hassesd/internal/edge/exchange"

// phase is the progress of the exchanges on a connection. It only moves forward, but for a request
// that follows one with a body.
type phase uint8

const (
	phaseRequest phase = iota // a request head is expected
	phaseBody                 // the body of a request is expected
	phaseAnswer               // it has come, and the answer has not been given; input is kept
	phaseStream               // a stream is open; another request may follow on it
	phaseEnded                // the last response is on its way; input is thrown away
)

// Conn is the framing of one connection. The zero value expects a request.
type Conn struct {
	phase     phase
	http10    bool  // the stream is not chunked
	discarded bool  // bytes behind the request were thrown away: what follows is never read as a request
	nextReady bool  // head holds another request that waits for the output to drain
	nextEnd   int32 // where in head the next request ends, if nextReady
	input     int32 // bytes that came since the request, as the socket gave them
	said      int32 // what of that, and of what came with the request, was plaintext; before the request, the blank lines
	// nil: all of them are empty, as they are while a stream is idle. That saves 64 bytes a stream,
	// and each delivery a cache line.
	*buffers
}

// buffers are what a connection holds beside the body of a stream. Each is nil when it is empty.
type buffers struct {
	head  []byte // an incomplete request head or, on an open stream, another request
	front []byte // goes out before the body: response head and first frame
	tail  []byte // goes out after the body: the end of the response
	body  *body  // of the request
}

// hold makes room for buffers.
func (c *Conn) hold() {
	if c.buffers == nil {
		c.buffers = &buffers{}
	}
}

// tidy lets go of buffers that are empty.
func (c *Conn) tidy() {
	if b := c.buffers; b != nil && b.head == nil && b.front == nil && b.tail == nil && b.body == nil {
		c.buffers = nil
	}
}

// Body is what a stream has to send.
type Body interface {
	// Payload appends up to limit bytes to dst. If it appends nothing, there is nothing to send
	// now.
	Payload(dst []byte, limit int) []byte
}

// StartStream starts a response that lasts until EndStream, and ends the previous one, if any.
// first is how the stream begins. closes: the connection ends with the stream.
func (c *Conn) StartStream(http10, closes bool, fields []exchange.Field, first []byte) {
	c.hold()
	if c.phase == phaseStream {
		c.front = append(c.front, lastChunk...)
	} else {
		c.head = nil
	}
	c.phase, c.http10 = phaseStream, http10
	c.input, c.said = 0, 0
	c.front = AppendStreamHead(c.front, http10, closes, fields)
	c.front = c.appendPayload(c.front, first)
}

// EndStream ends the response after the rest of the body: with last, and the last chunk.
func (c *Conn) EndStream(last []byte) {
	c.hold()
	if len(last) > 0 {
		c.tail = c.appendPayload(c.tail, last)
	}
	if !c.http10 {
		c.tail = append(c.tail, lastChunk...)
	}
	c.phase = phaseEnded
}

// StartBody has Receive decode the body of the request that it returned last; length is -1 for a
// chunked one. wait: the client waits to be told to send it.
func (c *Conn) StartBody(length int64, wait bool, l Limits) {
	c.hold()
	c.body = newBody(length, l.RequestBytes)
	c.setPhase(phaseBody)
	if c.body.isDone() {
		c.endBody()
	}
	if wait {
		c.front = append(c.front, "HTTP/1.1 100 Continue\r\n\r\n"...)
	}
}

func (c *Conn) endBody() {
	isAnswered := c.body.isAnswered
	c.body = nil
	if !isAnswered {
		c.setPhase(phaseAnswer) // the answer will need the buffers
		return
	}
	c.setPhase(phaseRequest)
	c.tidy()
}

// setPhase is the only way to go on with a request that has a body.
func (c *Conn) setPhase(to phase) { c.phase = to }

// AnswerAndGoOn queues a finite response, after which another request may come. Once the rest of
// the body of this one has come, Receive expects that request.
func (c *Conn) AnswerAndGoOn(req *exchange.Request, a *exchange.Answer) {
	c.hold()
	c.front = appendAnswer(c.front, req, a, false)
	c.said = 0
	if c.phase == phaseBody {
		c.body.isAnswered = true
		return
	}
	c.setPhase(phaseRequest)
}

// HasBody reports whether the body of a request has not come to its end.
func (c *Conn) HasBody() bool { return c.phase == phaseBody }

// ExpectsRequest reports whether the next byte belongs to the head of a request.
func (c *Conn) ExpectsRequest() bool { return c.phase == phaseRequest }

// Keep keeps bytes that came too early, until TakeKept.
func (c *Conn) Keep(p []byte) {
	if len(p) > 0 {
		c.hold()
		c.head = append(c.head, p...)
	}
}

// TakeKept returns the bytes that were kept. They may be given to Receive.
func (c *Conn) TakeKept() []byte {
	if c.buffers == nil {
		return nil
	}
	p := c.head
	c.head = nil
	c.tidy()
	return p
}

// Answer queues a finite response, instead of a stream or after one whose body has been sent.
func (c *Conn) Answer(req *exchange.Request, a *exchange.Answer) { c.finish(AppendAnswer(nil, req, a)) }

// Defer answers with a stream that consists of last only.
func (c *Conn) Defer(http10 bool, fields []exchange.Field, last []byte) {
	out := AppendStreamHead(nil, http10, true, fields)
	if http10 {
		c.finish(append(out, last...))
		return
	}
	c.finish(append(appendChunk(out, last), lastChunk...))
}

// Say queues raw bytes for a client that speaks plain HTTP to the TLS port.
func (c *Conn) Say(text string) { c.finish([]byte(text)) }

// End ends the exchanges without a response.
func (c *Conn) End() { c.finish(nil) }

func (c *Conn) finish(response []byte) {
	c.hold()
	if c.phase == phaseStream && !c.http10 {
		c.front = append(c.front, lastChunk...)
	}
	c.tail = response
	c.phase = phaseEnded
	c.tidy()
}

// IsChunked reports whether another response can follow the current one.
func (c *Conn) IsChunked() bool { return !c.http10 }

// Idle reports whether nothing waits before the body.
func (c *Conn) Idle() bool { return c.buffers == nil || len(c.front) == 0 }

// Unwritten returns how many bytes wait before and after the body.
func (c *Conn) Unwritten() int {
	if c.buffers == nil {
		return 0
	}
	return len(c.front) + len(c.tail)
}

// Release frees all memory at the end of the connection.
func (c *Conn) Release() { c.buffers = nil }

// NextRecord returns the next record, at most RecordMax bytes and valid until the next call, or nil
// if there is nothing to send. buf has length ChunkHead and capacity RecordMax.
func (c *Conn) NextRecord(buf []byte, body Body) []byte {
	if c.buffers != nil && len(c.front) > 0 {
		return c.takeRecord(&c.front)
	}
	if buf = body.Payload(buf, chunkMax); len(buf) > ChunkHead {
		if c.http10 {
			return buf[ChunkHead:]
		}
		return frameChunk(buf)
	}
	if c.buffers != nil && len(c.tail) > 0 {
		return c.takeRecord(&c.tail)
	}
	return nil
}

// takeRecord removes up to one record from the front of p, one of the buffers.
func (c *Conn) takeRecord(p *[]byte) []byte {
	n := min(len(*p), RecordMax)
	head := (*p)[:n]
	*p = (*p)[n:]
	if len(*p) == 0 {
		*p = nil
		c.tidy()
	}
	return head
}

func (c *Conn) appendPayload(dst, payload []byte) []byte {
	if c.http10 {
		return append(dst, payload...)
	}
	return appendChunk(dst, payload)
}
