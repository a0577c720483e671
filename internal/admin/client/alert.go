package client

import (
	"errors"
	"net"
	"sync/atomic"
)

// alertConn remembers the alert that a connection ended with: with TLS 1.3 a daemon refuses our
// certificate when the handshake is over for us.
type alertConn struct {
	net.Conn
	text atomic.Pointer[string]
}

func (c *alertConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if text := alertOf(err); text != "" {
		c.text.Store(&text)
	}
	return n, err
}

// alertOf returns the text of the alert that the peer sent, if err is one; otherwise "".
func alertOf(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "remote error" && op.Err != nil { // how crypto/tls marks them
		return op.Err.Error()
	}
	return ""
}
