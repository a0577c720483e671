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

// feed returns false when the connection is to be closed.
func (c *conn) feed(data []byte) bool {
	if c.speaker == nil {
		c.head = append(c.head, data...)
		return c.decide(false)
	}
	c.speaker.feed(data)
	return !c.isFinished()
}

// flush takes a pause, or the end. It returns false when the connection is to be closed.
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

// decide looks at the first bytes, and lets the speaker of their form have them.
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

// refuse counts and logs that the connection is closed for its first bytes, of which nothing is answered.
func (c *conn) refuse(reason api.Refusal) {
	c.refusals.count(string(reason))
	c.log.Info("control connection refused", "reason", string(reason))
	c.queue.cut() // nothing was sniffed at a FIFO
}
