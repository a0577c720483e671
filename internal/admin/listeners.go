package admin

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/listen"
)

// ListenUnix listens on a Unix socket, see [Unix].
func (s *Server) ListenUnix(path string, mode os.FileMode, gid int) error {
	l, remove, err := listen.Unix(path, mode, gid)
	if err != nil {
		return fmt.Errorf("open the control socket: %w", err)
	}
	if err := s.addDoor(&listenDoor{kind: access.Unix, listener: l, remove: remove}); err != nil {
		remove()
		l.Close()
		return err
	}
	return nil
}

// ListenTCP listens on a loopback address and returns the one that it got, see [Loopback]. Connections may publish and
// look, and not kick, reload or drain, unless the [Rights] give less or a key gives more: on a shared machine everybody can
// connect.
func (s *Server) ListenTCP(addr string) (net.Addr, error) {
	l, err := listen.Loopback(addr)
	if err != nil {
		return nil, err
	}
	if err := s.addDoor(&listenDoor{kind: access.TCP, listener: l}); err != nil {
		l.Close()
		return nil, err
	}
	return l.Addr(), nil
}

// ListenTLS listens at host:port, on every address without a host, for those whose certificate has a role in a.
func (s *Server) ListenTLS(addr string, a *access.MutualTLS) (net.Addr, error) {
	l, err := listen.TCP(addr)
	if err != nil {
		return nil, err
	}
	s.access.Store(a)
	if err := s.addDoor(&listenDoor{kind: access.TLS, listener: l}); err != nil {
		l.Close()
		return nil, err
	}
	return l.Addr(), nil
}

// OpenFIFO opens a FIFO for classic commands, which get no answers, see [FIFO]. It stays in the file system when the server
// closes, for the scripts that write to it.
func (s *Server) OpenFIFO(path string, mode os.FileMode, gid int) error {
	f, err := listen.FIFO(path, mode, gid)
	if err != nil {
		return fmt.Errorf("open the FIFO: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != serverOpening || s.fifo != nil {
		f.Close()
		return errors.New("open the FIFO: the control server is already serving, or has one")
	}
	s.fifo = f
	return nil
}

// InheritUnix opens a door on a listening Unix socket that somebody else has made, as [Server.ListenUnix] would, and
// returns its path. The socket's file stays when the server closes. With an error fd stays the caller's.
func (s *Server) InheritUnix(fd int) (path string, err error) {
	l, err := listen.Inherit[*net.UnixListener](fd)
	if err != nil {
		return "", err
	}
	return l.Addr().String(), s.inherit(fd, &listenDoor{kind: access.Unix, listener: l})
}

// InheritTCP opens a door on a listening TCP socket that somebody else has made: as [Server.ListenTCP] would or, with
// a, as [Server.ListenTLS] would. With an error fd stays the caller's.
func (s *Server) InheritTCP(fd int, a *access.MutualTLS) (net.Addr, error) {
	l, err := listen.Inherit[*net.TCPListener](fd)
	if err != nil {
		return nil, err
	}
	d := &listenDoor{kind: access.TCP, listener: l}
	if a != nil {
		s.access.Store(a)
		d.kind = access.TLS
	} else if at, ok := l.Addr().(*net.TCPAddr); !ok || !at.IP.IsLoopback() {
		_ = l.Close()
		return nil, fmt.Errorf("control address %s is not a loopback address: beyond this machine the control port needs mutual TLS (control.tls)", l.Addr())
	}
	return l.Addr(), s.inherit(fd, d)
}

// inherit adds a door and closes fd, which it does not need any more.
func (s *Server) inherit(fd int, d *listenDoor) error {
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
		if err := raw.Control(func(fd uintptr) { kept = keep(d.kind != access.Unix, int(fd)) }); err != nil {
			return fmt.Errorf("keep the %s door: %w", d.kind, err)
		}
		if kept {
			d.remove = nil
		}
	}
	return nil
}
