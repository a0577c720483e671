package admin

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

// AdoptUnix opens a door on a listening Unix socket that somebody else has made, as [Server.ListenUnix] would, and
// returns its path. The socket's file stays when the server closes. With an error fd stays the caller's.
func (s *Server) AdoptUnix(fd int) (path string, err error) {
	l, err := adopt[*net.UnixListener](fd)
	if err != nil {
		return "", err
	}
	return l.Addr().String(), s.adoptDoor(fd, &listenDoor{kind: doorUnix, listener: l})
}

// AdoptTCP opens a door on a listening TCP socket that somebody else has made: as [Server.ListenTCP] would or, with
// a, as [Server.ListenTLS] would. With an error fd stays the caller's.
func (s *Server) AdoptTCP(fd int, a *Access) (net.Addr, error) {
	l, err := adopt[*net.TCPListener](fd)
	if err != nil {
		return nil, err
	}
	d := &listenDoor{kind: doorTCP, listener: l}
	if a != nil {
		s.access.Store(a)
		d.kind = doorTLS
	} else if at, ok := l.Addr().(*net.TCPAddr); !ok || !at.IP.IsLoopback() {
		_ = l.Close()
		return nil, fmt.Errorf("control address %s is not a loopback address: beyond this machine the control port needs mutual TLS (control.tls)", l.Addr())
	}
	return l.Addr(), s.adoptDoor(fd, d)
}

// adopt makes a listener with a descriptor of its own.
func adopt[L net.Listener](fd int) (L, error) {
	var none L
	listening, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN)
	if err != nil {
		return none, os.NewSyscallError("getsockopt SO_ACCEPTCONN", err)
	}
	if listening == 0 {
		return none, errors.New("it does not listen")
	}
	own, err := syscall.Dup(fd)
	if err != nil {
		return none, os.NewSyscallError("dup", err)
	}
	syscall.CloseOnExec(own)
	f := os.NewFile(uintptr(own), "")
	defer f.Close() // FileListener makes another one
	l, err := net.FileListener(f)
	if err != nil {
		return none, err
	}
	of, ok := l.(L)
	if !ok {
		_ = l.Close()
		return none, fmt.Errorf("it is a socket of the kind %s", l.Addr().Network())
	}
	return of, nil
}

// adoptDoor adds a door and closes fd, which it does not need any more.
func (s *Server) adoptDoor(fd int, d *listenDoor) error {
	if err := s.addDoor(d); err != nil {
		_ = d.listener.Close()
		return err
	}
	return os.NewSyscallError("close", syscall.Close(fd))
}

// Keep shows the descriptors of the listening doors to keep, which answers whether the socket goes on beyond the
// server: its file then stays when the server closes. keep must not close them.
func (s *Server) Keep(keep func(tcp bool, fd int) bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.doors {
		l, ok := d.listener.(syscall.Conn)
		if !ok {
			panic("admin: internal error: a door without a descriptor")
		}
		raw, err := l.SyscallConn()
		if err != nil {
			return fmt.Errorf("keep the %s door: %w", d.kind, err)
		}
		kept := false
		if err := raw.Control(func(fd uintptr) { kept = keep(d.kind != doorUnix, int(fd)) }); err != nil {
			return fmt.Errorf("keep the %s door: %w", d.kind, err)
		}
		if kept {
			d.remove = nil
		}
	}
	return nil
}
