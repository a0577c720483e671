package transport

// Write sends records of the protocol until the socket is full or the protocol has no more for now.
// If the connection is closing, it then advances the close. It returns the cost in records, and
// whether everything has been sent.
func (c *Conn) Write() (records int, done bool) {
	if c.IsFailing() || c.state == Closed || c.state == Handshaking {
		return 0, false
	}
	records, done = c.write()
	if done && c.state == Closing {
		c.advanceClose()
	}
	return records, done
}

// write moves bytes to the socket and does nothing else.
func (c *Conn) write() (records int, done bool) {
	for {
		if c.wire().Pending() > 0 && !c.flush() {
			return records, false
		}
		c.setBlocked(false)
		p, cost, later := c.protocol.NextRecord(records)
		records += cost
		if len(p) == 0 {
			return records, !later
		}
		records++
		if err := c.wire().Seal(p); err != nil {
			c.protocol.WriteFailed(err)
			return records, false
		}
		c.loop.sent += uint64(len(p))
	}
}

// flush writes sealed bytes, and reports whether all of them have left.
func (c *Conn) flush() bool {
	blocked, err := c.wire().Flush()
	if err != nil {
		c.protocol.WriteFailed(err)
		return false
	}
	c.setBlocked(blocked)
	return !blocked
}

// Pending reports whether sealed bytes wait for the socket.
func (c *Conn) Pending() bool { return c.wire().Pending() > 0 }

// advanceClose takes the next step of closing once all plaintext has been sent.
func (c *Conn) advanceClose() {
	if c.step == closeOutput {
		c.step = closeNotified
		if err := c.wire().CloseNotify(); err != nil {
			c.protocol.WriteFailed(err)
			return
		}
		if !c.flush() {
			return
		}
	}
	if c.step == closeNotified {
		c.step = closeShut
		if c.peerDone || c.source.CloseWrite() != nil {
			c.Fail()
			return
		}
		c.setTimeout(LingerTime)
		c.Read()
	}
}
