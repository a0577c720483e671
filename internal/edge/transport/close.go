package transport

// Finish begins the end: the rest of the protocol's output goes out, then close_notify, then our side of the socket is
// shut. Write is to follow.
func (c *Conn) Finish() { c.setState(Closing) }

// Fail ends the connection without another word of the protocol. Callers up the stack may still hold it: the protocol is
// told that it has to call Close at the end of the turn. It must not be called while a handshake owns the transport.
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

// Close gives the descriptor back. Nothing may use the connection afterwards.
func (c *Conn) Close() {
	if c.state == Open || c.state == Closing && (c.step == closeOutput || c.step == closeUnsaid) {
		c.notifyClose()
	}
	if c.blocked {
		c.source.Abort() // or the kernel would hold what the peer does not take until TCP gives up
	} else {
		c.source.Close()
	}
	c.setState(Closed)
	c.protocol.Closed()
}

// notifyClose sends close_notify where none has gone out. Both sides owe one before they close (RFC 8446 section 6.1, RFC
// 5246 section 7.2.1), the second to close as well: without it a client cannot tell our end from one that somebody on the
// way made. What a socket does not take now is not waited for.
func (c *Conn) notifyClose() {
	if !c.blocked && c.wire.CloseNotify() == nil {
		_, _ = c.wire.Flush()
	}
}
