package http1

import (
	"math"

	"github.com/hassesd/hassesd/internal/edge/exchange"
)

// InputBudget is how many bytes a client may send on an open stream, as counted at the socket. A
// subscriber has nothing to send; the budget leaves room for a hundred key updates and for browsers
// that send a stray record. Where further requests are allowed, their size comes on top.
const InputBudget = 4 << 10

// readMax bounds a read before the request: what arrives with the request is in memory before it is
// counted.
const readMax = 4 << 10

// Limits bound what a client may send.
type Limits struct {
	RequestBytes int  // a request head
	Again        bool // another request may follow on an open stream
}

// stream returns how much may come on an open stream until the next request is complete.
func (l Limits) stream() int {
	if l.Again {
		return InputBudget + l.RequestBytes
	}
	return InputBudget
}

// Event is what Receive found.
type Event struct {
	Kind    EventKind
	Request *exchange.Request // with EventRequest
	Refusal *exchange.Answer  // with EventRefused
	Data    []byte            // with EventBody: of what was received; may be empty
	End     bool              // with EventBody: the body is complete
}

// EventKind is a kind of event.
type EventKind uint8

// The events.
const (
	EventNone    EventKind = iota // nothing to act on
	EventRequest                  // a request
	EventRefused                  // what came is no request that can be served
	EventBody                     // a piece of the body
	EventNext                     // another request on an open stream: call Next when all of the stream's output has left
)

// Receive consumes plaintext. It returns at most one event and the bytes after it: call it again
// with those once the event has been handled. It does not keep p.
func (c *Conn) Receive(p []byte, l Limits) (ev Event, rest []byte) {
	switch c.phase {
	case phaseRequest:
		return c.collect(p, l)
	case phaseBody:
		return c.decode(p)
	case phaseAnswer:
		c.Keep(p)
	case phaseStream:
		addTo(&c.said, len(p))
		if c.IsExcessive(l) {
			return Event{}, nil
		}
		if l.Again && !c.discarded {
			return c.collect(p, l)
		}
		// InputBudget bounds what a subscriber sends nevertheless. If further requests are allowed
		// later, the next byte may be in the middle of one, which must never be parsed as its
		// start.
		c.discarded = true
		if !c.nextReady && c.buffers != nil {
			c.head = nil
			c.tidy()
		}
	case phaseEnded:
	}
	return Event{}, nil
}

// decode decodes the next piece of the body.
func (c *Conn) decode(p []byte) (ev Event, rest []byte) {
	data, rest, bad := c.body.next(p)
	if bad != nil {
		return Event{Kind: EventRefused, Refusal: bad}, nil
	}
	end := c.body.isDone()
	if end {
		c.endBody()
	}
	if len(data) > 0 || end {
		return Event{Kind: EventBody, Data: data, End: end}, rest
	}
	return Event{}, rest
}

// collect collects a request head. On a stream, bytes after the head start the next one. Other
// connections reuse the memory of p, so collect keeps copies.
func (c *Conn) collect(p []byte, l Limits) (ev Event, rest []byte) {
	c.hold()
	if c.nextReady {
		c.head = append(c.head, p...) // for later; InputBudget bounds it
		return Event{}, nil
	}
	from := len(c.head)
	buf := p
	if from > 0 {
		c.head = append(c.head, p...)
		buf = c.head
	}
	if skip := leadingLineEnds(buf); skip > 0 {
		buf, from = buf[skip:], 0
		if c.phase == phaseRequest {
			addTo(&c.said, skip) // on a stream all of p is counted
		}
		switch {
		case len(buf) == 0:
			c.head = nil // an empty head would pass for one that p was appended to
		case c.head != nil:
			c.head = buf
		}
	}
	limit := l.RequestBytes
	if c.phase == phaseRequest {
		limit = max(0, limit-int(c.said)) // the blank lines before it came in the same records
	}
	end := headEnd(buf, from)
	switch {
	case end < 0 && len(buf) > limit, end > limit:
		c.head = nil
		return Event{Kind: EventRefused, Refusal: headTooLarge(buf, l.RequestBytes)}, nil
	case end < 0:
		if c.head == nil && len(buf) > 0 {
			c.head = append(make([]byte, 0, max(len(buf), 512)), buf...)
		}
		return Event{}, nil
	case c.phase == phaseStream:
		c.head = append([]byte(nil), buf...)
		c.nextReady, c.nextEnd = true, int32(end)
		return Event{Kind: EventNext}, nil
	}
	c.head = nil
	return parsed(buf[:end]), buf[end:]
}

func parsed(head []byte) Event {
	req, bad := ParseRequest(head)
	if bad != nil {
		return Event{Kind: EventRefused, Refusal: bad}
	}
	return Event{Kind: EventRequest, Request: req}
}

// NextReady reports whether another request waits for the output to drain.
func (c *Conn) NextReady() bool { return c.nextReady }

// Next returns the waiting request (RFC 9112 section 9.3.2) and the bytes after it. Pass those to
// Receive once the next response has started.
func (c *Conn) Next() (ev Event, rest []byte) {
	head, rest := c.head[:c.nextEnd], c.head[c.nextEnd:]
	c.head, c.nextReady = nil, false
	c.tidy()
	return parsed(head), rest
}

// Begun returns the part of a request head that has arrived.
func (c *Conn) Begun() []byte {
	if c.buffers == nil {
		return nil
	}
	return c.head
}

// ReadLimit returns how many bytes the next read of the socket may take, or -1 for no limit. On an
// open stream that is one byte more than the client may send.
func (c *Conn) ReadLimit(l Limits) int {
	switch c.phase {
	case phaseRequest, phaseBody, phaseAnswer:
		return readMax
	case phaseStream:
		return max(1, l.stream()-int(c.input)+1)
	case phaseEnded:
	}
	return -1
}

// Took counts bytes read from the socket.
func (c *Conn) Took(n int) { addTo(&c.input, n) }

// IsExcessive reports whether the client has sent more than it may on an open stream.
func (c *Conn) IsExcessive(l Limits) bool {
	return c.phase == phaseStream && int(max(c.input, c.said)) > l.stream()
}

// addTo adds n to a count that saturates: before the request, only time bounds the input.
func addTo(count *int32, n int) { *count = int32(min(int64(*count)+int64(n), math.MaxInt32)) }
