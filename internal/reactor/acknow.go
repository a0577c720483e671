package reactor

import (
	"os"

	"golang.org/x/sys/unix"
)

// AckNow acknowledges what has come from the peer, instead of up to 40 ms later
// with what may be sent by then. A peer without TCP_NODELAY sends nothing small
// until it has been acknowledged.
func (s *Source) AckNow() error {
	fd := s.FD()
	if fd < 0 {
		return ErrClosed
	}
	return s.loop.poller.AckNow(fd)
}

func (linux) AckNow(fd int) error {
	return os.NewSyscallError("setsockopt TCP_QUICKACK", unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1))
}
