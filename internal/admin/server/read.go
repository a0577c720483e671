package server

import (
	"github.com/hassesd/hassesd/internal/admin/api"
)

func (c *conn) read() {
	buf := make([]byte, readChunk)
	for {
		n, event := c.input.read(buf, pauseAfter(c.pending()))
		open := true
		switch event {
		case readData:
			open = c.feed(buf[:n])
		case readPause, readEnd:
			open = c.flush() && event == readPause
		case readCut:
			open = false
		}
		if !open {
			return
		}
	}
}

func (c *conn) pending() int {
	if c.speaker == nil {
		return len(c.head)
	}
	return c.speaker.pending()
}

// feed takes bytes, and reports whether the connection goes on.
func (c *conn) feed(data []byte) bool {
	if c.speaker == nil {
		c.head = append(c.head, data...)
		return c.decide(false)
	}
	c.speaker.feed(data)
	return !c.isFinished()
}

// flush takes a pause, or the end, and reports whether the connection goes on.
func (c *conn) flush() bool {
	if c.speaker == nil && len(c.head) == 0 {
		return true
	}
	if c.speaker == nil && !c.decide(true) {
		return false
	}
	c.speaker.flush()
	return !c.isFinished()
}

// decide finds out the form of the first bytes and passes them to its speaker. It reports whether
// the connection goes on.
func (c *conn) decide(over bool) bool {
	switch sniff(c.head, over) {
	case formUnknown:
		return true
	case formClassic:
		c.speaker = newClassic(c)
	case formJSON:
		c.speaker = newRPC(c)
	case formHTTP:
		c.refuse(api.RefusedHTTP)
		return false
	case formTLS:
		c.refuse(api.RefusedTLS)
		return false
	}
	head := c.head
	c.head = nil
	c.speaker.feed(head)
	return !c.isFinished()
}

// refuse counts and logs that the connection is closed for its first bytes, without an answer.
func (c *conn) refuse(reason api.Refusal) {
	c.refusals.refuseConnection(c.log, reason)
	c.queue.cut() // not nil: a FIFO is never sniffed
}
