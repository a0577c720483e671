package transport

import (
	"context"
	"crypto/tls"
	"errors"

	"github.com/hassesd/hassesd/internal/tlsconn"
)

// errAborted ends a handshake that was told to end.
var errAborted = errors.New("handshake given up")

// Handshake hands the transport to a goroutine of its own until Protocol.HandshakeDone.
func (c *Conn) Handshake(g *tlsconn.Gate, config *tls.Config) {
	c.setState(Handshaking)
	c.tls.Init((*descriptor)(c), config)
	c.wire = &c.tls
	c.tls.Start(g, func(err error) {
		// Refused only when the loop has stopped, which is the end of the process.
		_ = c.loop.Reactor.PostWait(context.Background(), func() { c.handshakeDone(err) })
	})
}

func (c *Conn) handshakeDone(err error) {
	c.protocol.HandshakeDone(Facts{
		Version:    c.tls.Version(),
		Cipher:     c.tls.CipherSuite(),
		Protocol:   c.tls.Protocol(),
		ServerName: c.tls.ServerName(),
	}, err, c.aborted)
}

// Abort ends a handshake; Protocol.HandshakeDone follows. It reports whether it is the first call.
func (c *Conn) Abort() bool {
	if c.aborted {
		return false
	}
	c.aborted = true
	c.wire.Abort(errAborted)
	return true
}

// Open begins the protocol after a handshake.
func (c *Conn) Open() { c.setState(Open) }

// AcknowledgeNow keeps the kernel from putting off its acknowledgement for 40 ms as we have nothing to send: a client
// without TCP_NODELAY keeps its request back until its Finished is acknowledged. Where this fails, the request comes that
// late.
func (c *Conn) AcknowledgeNow() { _ = c.source.AckNow() }

// Reject ends a connection whose handshake has failed: it sends the alert that crypto/tls wrote and then, without TLS, what
// the protocol still says. It waits for the peer's end like any other connection, or the kernel would throw away what the
// peer has not read.
func (c *Conn) Reject() error {
	if _, err := c.wire.Flush(); err != nil {
		return err
	}
	c.wire = tlsconn.NewPlain((*descriptor)(c))
	c.setState(Closing)
	return nil
}
