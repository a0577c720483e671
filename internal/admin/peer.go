package admin

import (
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// peerOf says which process is at the other end of a Unix socket.
func peerOf(c net.Conn) (*unix.Ucred, error) {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return nil, fmt.Errorf("peer credentials of a %T: %w", c, unix.ENOTSUP)
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("peer credentials: %w", err)
	}
	var cred *unix.Ucred
	var errCred error
	err = raw.Control(func(fd uintptr) {
		cred, errCred = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err == nil {
		err = errCred
	}
	if err != nil {
		return nil, fmt.Errorf("peer credentials: %w", err)
	}
	return cred, nil
}

// peerAttrs are the attributes of a log record that say who is at the other end; c is nil for a FIFO.
func peerAttrs(c net.Conn) []any {
	switch c := c.(type) {
	case *net.UnixConn:
		cred, err := peerOf(c)
		if err != nil {
			return []any{"err", err}
		}
		return []any{"peer_uid", cred.Uid, "peer_gid", cred.Gid, "peer_pid", cred.Pid}
	case *net.TCPConn, *sealedConn:
		return []any{"peer", c.RemoteAddr().String()}
	}
	return nil
}
