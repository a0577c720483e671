package client

import (
	"sync"
	"time"

	"github.com/creachadair/jrpc2/channel"
)

// drainTimeout bounds how long the end of a connection is delayed.
const drainTimeout = time.Second

// drainingChannel is a client's channel that reports the end of the connection only when the
// answers that came before it have reached their callers. jrpc2's client hands answers over on
// other goroutines and, at the end, fails all calls that have none yet: the answer to a drain,
// after which the daemon goes away, would be lost in that race.
type drainingChannel struct {
	channel.Channel

	mu sync.Mutex
	// Guarded by mu.
	underway int           // answers received that have not reached their callers
	none     chan struct{} // closed when underway is 0; nil: nobody waits
}

// Recv implements channel.Channel.
func (c *drainingChannel) Recv() ([]byte, error) {
	line, err := c.Channel.Recv()
	c.mu.Lock()
	if err == nil {
		c.underway++
		c.mu.Unlock()
		return line, nil
	}
	if c.underway <= 0 {
		c.mu.Unlock()
		return line, err
	}
	none := make(chan struct{})
	c.none = none
	c.mu.Unlock()
	timeout := time.NewTimer(drainTimeout)
	defer timeout.Stop()
	select {
	case <-none:
	case <-timeout.C: // the answer is to a call that was given up
	}
	return line, err
}

// arrived records that an answer has reached its caller.
func (c *drainingChannel) arrived() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.underway--
	if c.underway <= 0 && c.none != nil {
		close(c.none)
		c.none = nil
	}
}
