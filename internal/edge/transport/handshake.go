package transport

import (
	"context"
	"crypto/tls"
	"errors"

	"github.com/hassesd/hassesd/internal/tlsconn"
)

// errAborted is the error of an aborted handshake.
var errAborted = errors.New("handshake given up")

// Handshake starts the handshake on a goroutine of its own, which owns the transport until
// Protocol.HandshakeDone. handOver: crypto/tls is to hand the records over afterwards, see
// [tlsconn.Conn.Init] for what that demands of the configuration.
func (c *Conn) Handshake(g *tlsconn.Gate, config *tls.Config, handOver bool) {
	c.setState(Handshaking)
	c.tls.Init((*descriptor)(c), config, handOver)
	c.tls.Start(g, func(err error) {
		// Refused only when the loop has stopped, which is the end of the process.
		_ = c.loop.Reactor.PostWait(context.Background(), func() { c.handshakeDone(err) })
	})
}

func (c *Conn) handshakeDone(err error) {
	facts := Facts{
		Version:    c.tls.Version(),
		Cipher:     c.tls.CipherSuite(),
		Protocol:   c.tls.Protocol(),
		ServerName: c.tls.ServerName(),
		Resumed:    c.tls.Resumed(),
	}
	if err == nil && !c.aborted {
		c.loop.keepers[c.tls.HandOver(c.loop.Records)]++
	}
	c.protocol.HandshakeDone(facts, err, c.aborted)
}

// Abort ends a handshake; Protocol.HandshakeDone follows. It reports whether it is the first call.
func (c *Conn) Abort() bool {
	if c.aborted {
		return false
	}
	c.aborted = true
	c.wire().Abort(errAborted)
	return true
}

// Open starts the protocol after a handshake.
func (c *Conn) Open() { c.setState(Open) }

// AcknowledgeNow makes the kernel acknowledge at once. It would otherwise wait up to 40 ms for data
// to send along, and a client without TCP_NODELAY holds its request back until its Finished is
// acknowledged. Failure only means that delay.
func (c *Conn) AcknowledgeNow() { _ = c.source.AckNow() }

// Reject starts closing a connection whose handshake has failed: it sends the alert that crypto/tls
// wrote; Write then sends the rest of the protocol's output without TLS. Like any other, the
// connection lingers, so that the peer can read what was sent.
func (c *Conn) Reject() error {
	if _, err := c.wire().Flush(); err != nil {
		return err
	}
	c.plain = tlsconn.NewPlain((*descriptor)(c))
	c.setState(Closing)
	return nil
}
