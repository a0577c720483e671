package systemd

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// sendTimeout bounds how long a send waits while the socket of the service manager is full.
const sendTimeout = time.Second

// ErrBusy is returned by [Notifier.TryNotify] while the socket of the service manager is full.
var ErrBusy = errors.New("the service manager is busy")

// Notifier reports the state of the service to the service manager. Any goroutine may use it. A nil
// Notifier does nothing.
type Notifier struct {
	fd int // fixed; blocking, with a timeout
}

// Dial connects to the address in Service.NotifySocket: a path, or @ and the name of an abstract
// socket. After that, the process needs no right to open a socket.
func Dial(address string) (*Notifier, error) {
	n, err := dial(address)
	if err != nil {
		return nil, fmt.Errorf("reach the service manager at %q: %w", address, err)
	}
	return n, nil
}

func dial(address string) (_ *Notifier, err error) {
	if len(address) < 2 || address[0] != '/' && address[0] != '@' {
		return nil, errors.New("neither a path nor the name of an abstract socket")
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	defer func() {
		if err != nil {
			_ = unix.Close(fd)
		}
	}()
	timeout := unix.NsecToTimeval(int64(sendTimeout))
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &timeout); err != nil {
		return nil, os.NewSyscallError("setsockopt SO_SNDTIMEO", err)
	}
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: address}); err != nil {
		return nil, os.NewSyscallError("connect", err)
	}
	return &Notifier{fd: fd}, nil
}

// Notify sends all the states in one datagram. It waits at most a second.
func (n *Notifier) Notify(states ...State) error { return n.send(states, nil, 0) }

// TryNotify is Notify, but returns ErrBusy instead of waiting. It is for event loops.
func (n *Notifier) TryNotify(states ...State) error { return n.send(states, nil, unix.MSG_DONTWAIT) }

// Store asks the service manager to keep a copy of the descriptor, and to pass it under that name
// to the next process of the service. The manager does so as far as FileDescriptorStoreMax= allows,
// and reports no error.
func (n *Notifier) Store(name string, fd int) error {
	return n.send([]State{storing(name)}, unix.UnixRights(fd), 0)
}

// Remove asks the service manager to close its copies of the descriptors with that name.
func (n *Notifier) Remove(name string) error { return n.Notify(removing(name)) }

// Barrier waits until the service manager has processed everything sent before, but at most the
// limit.
func (n *Notifier) Barrier(limit time.Duration) error {
	if n == nil {
		return nil
	}
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return os.NewSyscallError("pipe2", err)
	}
	defer func() { _ = unix.Close(ends[0]) }()
	// The manager closes its copy of the other end when it processes this datagram; see
	// sd_notify_barrier(3). The datagram must contain nothing else.
	err := n.send([]State{"BARRIER=1"}, unix.UnixRights(ends[1]), 0)
	_ = unix.Close(ends[1])
	if err != nil {
		return err
	}
	return waitForHangup(ends[0], limit)
}

func waitForHangup(fd int, limit time.Duration) error {
	for start := Monotonic(); ; {
		left := max(0, limit-(Monotonic()-start))
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd)}}, int(left.Milliseconds()))
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return os.NewSyscallError("poll", err)
		case n == 0:
			return ErrBusy
		default:
			return nil
		}
	}
}

func (n *Notifier) send(states []State, rights []byte, flags int) error {
	if n == nil {
		return nil
	}
	datagram := join(states)
	for {
		err := unix.Sendmsg(n.fd, datagram, rights, nil, flags|unix.MSG_NOSIGNAL)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			return ErrBusy
		default:
			return fmt.Errorf("tell the service manager: %w", os.NewSyscallError("sendmsg", err))
		}
	}
}

// Close closes the connection. Nothing may be sent afterwards.
func (n *Notifier) Close() error {
	if n == nil {
		return nil
	}
	return os.NewSyscallError("close", unix.Close(n.fd))
}
