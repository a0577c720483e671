package transport

// Finish starts closing: Write then sends the rest of the protocol's output and close_notify, and
// shuts our side of the socket. Call Write next.
func (c *Conn) Finish() { c.setState(Closing) }

// Fail gives the connection up: the protocol sends nothing more. Callers up the stack may still
// hold the connection, so Protocol.Failing asks for a Close at the end of the turn. Fail must not
// be called during a handshake.
func (c *Conn) Fail() {
	if c.IsFailing() || c.state == Closed {
		return
	}
	owes := c.state == Open || c.state == Closing && c.step == closeOutput
	if c.state != Closing {
		c.setState(Closing)
		c.ClearDeadline()
	}
	c.step = closeSaid
	if owes {
		c.step = closeUnsaid
	}
	c.protocol.Failing()
}

// Close closes the descriptor. The connection must not be used afterwards.
func (c *Conn) Close() {
	if c.state == Open || c.state == Closing && (c.step == closeOutput || c.step == closeUnsaid) {
		c.notifyClose()
	}
	c.tls.Release()
	if c.blocked {
		c.source.Abort() // or the kernel would hold what the peer does not take until TCP gives up
	} else {
		c.source.Close()
	}
	c.setState(Closed)
	c.protocol.Closed()
}

// notifyClose sends close_notify. Both sides owe one before they close, even the second (RFC 8446
// section 6.1, RFC 5246 section 7.2.1): without it a client cannot tell our close from one forged
// on the path. It does not wait for a full socket.
func (c *Conn) notifyClose() {
	if !c.blocked && c.wire().CloseNotify() == nil {
		_, _ = c.wire().Flush()
	}
}
