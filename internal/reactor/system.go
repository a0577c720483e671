package reactor

import (
	"errors"
	"io"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// linux is the System of the kernel.
type linux struct{}

func (linux) Read(fd int, p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil // the kernel's result would look like the end
	}
	for {
		n, err := unix.Read(fd, p)
		switch {
		case n > 0:
			return n, nil
		case err == nil:
			return 0, io.EOF
		case errors.Is(err, unix.EAGAIN):
			return 0, ErrWouldBlock
		case !errors.Is(err, unix.EINTR):
			return 0, os.NewSyscallError("read", err)
		}
	}
}

func (linux) Write(fd int, p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		// Go's runtime ignores SIGPIPE for a closed connection (os/signal). sendmsg, which can
		// suppress it, takes 80 ns more.
		n, err := unix.Write(fd, p)
		switch {
		case err == nil:
			return n, nil
		case errors.Is(err, unix.EAGAIN):
			return 0, ErrWouldBlock
		case !errors.Is(err, unix.EINTR):
			return 0, os.NewSyscallError("write", err)
		}
	}
}

func (linux) CloseWrite(fd int) error {
	return os.NewSyscallError("shutdown", unix.Shutdown(fd, unix.SHUT_WR))
}

func (linux) Abortive(fd int) error {
	err := unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1, Linger: 0})
	return os.NewSyscallError("setsockopt SO_LINGER", err)
}

// CloseFD does not retry after EINTR, because Linux has freed the descriptor already.
func (linux) CloseFD(fd int) error {
	return os.NewSyscallError("close", unix.Close(fd))
}

func (linux) Accept(fd int) (int, netip.AddrPort, error) {
	for {
		conn, sa, err := unix.Accept4(fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch {
		case err == nil:
			return conn, addrPort(sa), nil
		case errors.Is(err, unix.EAGAIN):
			return -1, netip.AddrPort{}, ErrWouldBlock
		case !errors.Is(err, unix.EINTR):
			return -1, netip.AddrPort{}, os.NewSyscallError("accept4", err)
		}
	}
}

// Reserve opens an eventfd, which any sandbox allows, unlike a file.
func (linux) Reserve() (int, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	return fd, os.NewSyscallError("eventfd", err)
}

// addrPort leaves out the zone of a link-local address, because the zone does not identify the
// peer.
func addrPort(sa unix.Sockaddr) netip.AddrPort {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr).Unmap(), uint16(sa.Port))
	default:
		return netip.AddrPort{}
	}
}

func (linux) AckNow(fd int) error {
	return os.NewSyscallError("setsockopt TCP_QUICKACK", unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1))
}
