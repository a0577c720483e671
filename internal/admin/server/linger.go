package server

import (
	"io"
	"net"
	"time"
)

// Bounds of how long a peer has to read what was written last.
const (
	lingerTimeout = time.Second
	lingerBytes   = 64 << 10
)

// linger ends the writing side and lets the peer read what was written last. Data that is still
// under way from the peer when the socket is closed would make the kernel throw that away.
func linger(c net.Conn) {
	out, ok := c.(interface{ CloseWrite() error })
	if !ok || out.CloseWrite() != nil || c.SetReadDeadline(time.Now().Add(lingerTimeout)) != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, c, lingerBytes) // input that comes now is not run
}
