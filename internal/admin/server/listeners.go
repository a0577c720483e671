package server

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/listen"
)

// ListenUnix listens on a Unix socket, see [listen.Unix].
func (s *Server) ListenUnix(path string, mode os.FileMode, gid int) error {
	l, remove, err := listen.Unix(path, mode, gid)
	if err != nil {
		return fmt.Errorf("open the control socket: %w", err)
	}
	if err := s.addListener(&listener{endpoint: access.Unix, Listener: l, remove: remove}); err != nil {
		remove()
		l.Close()
		return err
	}
	return nil
}

// ListenTCP listens on a loopback address and returns the one that it got, see [listen.Loopback];
// if the [access.Rights] name networks, on any address, for those networks and this machine.
// Connections may publish and look, and not kick, reload or drain, unless the [access.Rights] grant
// less or a key gives more: on a shared machine every user can connect.
func (s *Server) ListenTCP(addr string) (net.Addr, error) {
	open := listen.Loopback
	if s.shared.rules.rights.Load().ListNetworks() && !listen.IsLoopback(addr) {
		open = listen.TCP
	}
	l, err := open(addr)
	if err != nil {
		return nil, err
	}
	if err := s.addListener(&listener{endpoint: access.TCP, Listener: l}); err != nil {
		l.Close()
		return nil, err
	}
	return l.Addr(), nil
}

// ListenTLS listens at host:port, on every address without a host, for those whose certificate has
// a role in a.
func (s *Server) ListenTLS(addr string, a *access.MutualTLS) (net.Addr, error) {
	l, err := listen.TCP(addr)
	if err != nil {
		return nil, err
	}
	s.SetAccess(a)
	if err := s.addListener(&listener{endpoint: access.TLS, Listener: l}); err != nil {
		l.Close()
		return nil, err
	}
	return l.Addr(), nil
}

// OpenFIFO opens a FIFO for classic commands, which get no answers, see [listen.FIFO]. It stays in
// the file system when the server closes, for the scripts that write to it.
func (s *Server) OpenFIFO(path string, mode os.FileMode, gid int) error {
	f, err := listen.FIFO(path, mode, gid)
	if err != nil {
		return fmt.Errorf("open the FIFO: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.shared.roster.isState(rosterOpening) || s.fifo != nil {
		f.Close()
		return errors.New("open the FIFO: the control server is already serving, or has one")
	}
	s.fifo = f
	return nil
}

// InheritUnix listens on an inherited Unix socket as [Server.ListenUnix] would, and returns its
// path. The socket's file stays when the server closes. With an error fd stays the caller's.
func (s *Server) InheritUnix(fd int) (path string, err error) {
	l, err := listen.Inherit[*net.UnixListener](fd)
	if err != nil {
		return "", err
	}
	return l.Addr().String(), s.inherit(fd, &listener{endpoint: access.Unix, Listener: l})
}

// InheritTCP listens on an inherited TCP socket as [Server.ListenTCP] would or, with
// a, as [Server.ListenTLS] would. With an error fd stays the caller's.
func (s *Server) InheritTCP(fd int, a *access.MutualTLS) (net.Addr, error) {
	l, err := listen.Inherit[*net.TCPListener](fd)
	if err != nil {
		return nil, err
	}
	d := &listener{endpoint: access.TCP, Listener: l}
	if a != nil {
		s.SetAccess(a)
		d.endpoint = access.TLS
	} else if at, ok := l.Addr().(*net.TCPAddr); !ok || !at.IP.IsLoopback() && !s.shared.rules.rights.Load().ListNetworks() {
		_ = l.Close()
		return nil, fmt.Errorf("control address %s is not a loopback address: beyond this machine the control port needs mutual TLS (control.tls), or the private networks that may reach it (control.tcp_networks)", l.Addr())
	}
	return l.Addr(), s.inherit(fd, d)
}

// inherit adds a listener and closes fd, of which it has a duplicate.
func (s *Server) inherit(fd int, l *listener) error {
	if err := s.addListener(l); err != nil {
		_ = l.Close()
		return err
	}
	return os.NewSyscallError("close", syscall.Close(fd))
}

// Keep calls keep with the descriptor of each listener. If keep reports that the socket goes on
// beyond the server, its file stays when the server closes. keep must not close descriptors.
func (s *Server) Keep(keep func(tcp bool, fd int) bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.listeners {
		socket, ok := l.Listener.(syscall.Conn)
		if !ok {
			panic("server: internal error: a listener without a descriptor")
		}
		raw, err := socket.SyscallConn()
		if err != nil {
			return fmt.Errorf("keep the %s listener: %w", l.endpoint, err)
		}
		kept := false
		if err := raw.Control(func(fd uintptr) { kept = keep(l.endpoint != access.Unix, int(fd)) }); err != nil {
			return fmt.Errorf("keep the %s listener: %w", l.endpoint, err)
		}
		if kept {
			l.remove = nil
		}
	}
	return nil
}
