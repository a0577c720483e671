package http1

import (
	"math"

	"github.com/hassesd/hassesd/internal/edge/exchange"
)

// InputBudget is how many bytes may come on an open stream, as the socket gives them. A subscriber has nothing to say;
// this leaves room for a hundred key updates and for browsers that send a stray record. Where a further request is
// allowed, it comes on top.
const InputBudget = 4 << 10

// readMax bounds one read before the request: what comes with the request is in memory before it can be counted.
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

// Event is what has come.
type Event struct {
	Kind    EventKind
	Request *exchange.Request // with EventRequest
	Refusal *exchange.Answer  // with EventRefused
}

// EventKind is a kind of event.
type EventKind uint8

// The events.
const (
	EventNone    EventKind = iota // nothing to act on
	EventRequest                  // a request
	EventRefused                  // what came is no request that can be served
	EventNext                     // another request on an open stream: call Next when all of the stream's output has left
)

// Receive takes plaintext and returns what it makes of it, and the bytes that it has not looked at yet: call it again with
// those when the event has been acted on. p is only lent.
func (c *Conn) Receive(p []byte, l Limits) (ev Event, rest []byte) {
	switch c.phase {
	case phaseRequest:
		return c.collect(p, l)
	case phaseStream:
		addTo(&c.said, len(p))
		if c.IsExcessive(l) {
			return Event{}, nil
		}
		if l.Again && !c.discarded {
			return c.collect(p, l)
		}
		// What a subscriber says all the same is bounded by InputBudget. If further requests are allowed later, nobody
		// knows what the next byte is: the middle of a request must never pass for one.
		c.discarded = true
		if !c.nextReady {
			c.head = nil
		}
	case phaseEnded:
	}
	return Event{}, nil
}

// collect collects a request head. On a stream, whatever follows the head is the beginning of the next one. The memory of
// p is the next connection's too: what is kept of it is a copy.
func (c *Conn) collect(p []byte, l Limits) (ev Event, rest []byte) {
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

// Next returns the request that waits (RFC 9112 section 9.3.2), and what came behind it, which belongs to Receive when the
// next response has begun.
func (c *Conn) Next() (ev Event, rest []byte) {
	head, rest := c.head[:c.nextEnd], c.head[c.nextEnd:]
	c.head, c.nextReady = nil, false
	return parsed(head), rest
}

// Begun returns what has come of a request head.
func (c *Conn) Begun() []byte { return c.head }

// ReadLimit returns how many bytes the next read of the socket may take, or -1 for any number. On an open stream it takes
// no more than shows that it is too much.
func (c *Conn) ReadLimit(l Limits) int {
	switch c.phase {
	case phaseRequest:
		return readMax
	case phaseStream:
		return max(1, l.stream()-int(c.input)+1)
	case phaseEnded:
	}
	return -1
}

// Took counts bytes that the socket gave.
func (c *Conn) Took(n int) { addTo(&c.input, n) }

// IsExcessive reports whether the client has sent more than it may on an open stream.
func (c *Conn) IsExcessive(l Limits) bool {
	return c.phase == phaseStream && int(max(c.input, c.said)) > l.stream()
}

// addTo adds n to a count that stays at its maximum where it would overflow: before the request, time alone bounds it.
func addTo(count *int32, n int) { *count = int32(min(int64(*count)+int64(n), math.MaxInt32)) }
