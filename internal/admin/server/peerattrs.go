package server

import (
	"net"

	"github.com/hassesd/hassesd/internal/listen"
)

// peerAttrs returns the log attributes that name the process or address at the other end; c is nil
// for a FIFO.
func peerAttrs(c net.Conn) []any {
	switch c := c.(type) {
	case *net.UnixConn:
		cred, err := listen.Peer(c)
		if err != nil {
			return []any{"err", err}
		}
		return []any{"peer_uid", cred.Uid, "peer_gid", cred.Gid, "peer_pid", cred.Pid}
	case *net.TCPConn, *tlsConn:
		return []any{"peer", c.RemoteAddr().String()}
	}
	return nil
}
