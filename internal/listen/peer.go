package listen

import (
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// Peer returns the credentials of the process at the other end of a Unix socket.
func Peer(c net.Conn) (*unix.Ucred, error) {
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
