package reactor

import (
	"os"

	"golang.org/x/sys/unix"
)

// DefaultSendBytes is how much the kernel holds of what a connection has to
// send, when nothing else is said: enough for 640 KB/s over a round trip of
// 200 ms.
const DefaultSendBytes = 128 << 10

// BoundSend sets two bounds. TCP_NOTSENT_LOWAT makes a socket unwritable when so
// much has not been sent once, which is what a stalled client has. SO_SNDBUF
// bounds that together with what is on its way; it counts the kernel's own
// memory for each packet too, doubles what it is given, and is cut to
// net.core.wmem_max.
func (linux) BoundSend(fd, bytes int) error {
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, bytes/2); err != nil {
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
