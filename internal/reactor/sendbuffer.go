package reactor

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// DefaultSendBytes is the default bound of data that the kernel buffers for sending on one
// connection: enough for 640 KB/s over a round trip of 200 ms.
const DefaultSendBytes = 128 << 10

// BoundSend sets two bounds. TCP_NOTSENT_LOWAT makes a socket unwritable while that much has not
// been sent once, which is the state of a stalled client. SO_SNDBUF bounds that together with data
// in flight. The kernel doubles its value, counts its own memory for each packet too, and limits it
// to net.core.wmem_max.
func (linux) BoundSend(fd, bytes int) error {
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, bytes/2); err != nil && !errors.Is(err, unix.EOPNOTSUPP) { // a Unix socket
		return os.NewSyscallError("setsockopt TCP_NOTSENT_LOWAT", err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, bytes); err != nil {
		return os.NewSyscallError("setsockopt SO_SNDBUF", err)
	}
	return nil
}

func (linux) Unsent(fd int) (int, error) {
	n, err := unix.IoctlGetInt(fd, unix.SIOCOUTQ)
	return n, os.NewSyscallError("ioctl SIOCOUTQ", err)
}
