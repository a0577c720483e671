package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"

	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/supervise"
)

// openSocket inherits the control socket from the service manager, or opens it at path, which is
// empty for none.
func (c *control) openSocket(s *config.Settings, path string, mode os.FileMode, gid int) error {
	var unwanted []*supervise.Socket
	for _, socket := range c.inherited.Named(supervise.Control) {
		at, err := unixPath(socket.FD())
		switch {
		case socket.IsStored && (err != nil || at != path || !isSocketOf(path, mode, gid)):
			unwanted = append(unwanted, socket)
			if err == nil {
				removeSocket(at) // otherwise it would seem that another daemon answers there
			}
			continue
		case err != nil:
			return socket.Wrong(err)
		case at != path && !s.IsPreset("control.socket"):
			return socket.Wrong(fmt.Errorf("it is at %s, and control.socket says %q: say the same, or leave control.socket out", at, path))
		}
		if c.isShared, err = isForAll(at); err != nil {
			return socket.Wrong(err)
		}
		if c.isShared && !c.rights.ListUsers() {
			return socket.Wrong(errors.New("every user of this machine could publish: set SocketMode=0660 in its unit, or list who may do what in " + userLists))
		}
		if _, err := c.server.InheritUnix(socket.FD()); err != nil {
			return socket.Wrong(err)
		}
		socket.Take()
		c.endpoints = append(c.endpoints, api.Endpoint{Kind: api.EndpointControlSocket, Address: at})
		c.log.Info("control socket taken over from the service manager", "path", at)
		return c.discardOthers(supervise.Control)
	}
	c.manager.Discard(unwanted)
	if path == "" {
		return nil
	}
	if err := c.server.ListenUnix(path, mode, gid); err != nil {
		return fmt.Errorf("open control socket: %w", err)
	}
	c.isShared = mode&writableByAll != 0
	c.endpoints = append(c.endpoints, api.Endpoint{Kind: api.EndpointControlSocket, Address: path})
	c.log.Info("control socket open", "path", path)
	return nil
}

// discardOthers gives up further stored sockets of that name, and refuses one of a unit: the
// control protocol has one of each.
func (c *control) discardOthers(name string) error {
	var kept []*supervise.Socket
	for _, socket := range c.inherited.Named(name) {
		if !socket.IsStored {
			return socket.Wrong(errors.New("there is more than one of that name"))
		}
		kept = append(kept, socket)
	}
	c.manager.Discard(kept)
	return nil
}

// unixPath returns the path of a Unix socket.
func unixPath(fd int) (string, error) {
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		return "", os.NewSyscallError("getsockname", err)
	}
	at, ok := sa.(*syscall.SockaddrUnix)
	if !ok {
		return "", errors.New("it is not a Unix socket")
	}
	if at.Name == "" || at.Name[0] != '/' {
		return "", errors.New("it has no path: any process could connect to it")
	}
	return at.Name, nil
}

// isSocketOf reports whether there is a socket at path with that mode and group.
func isSocketOf(path string, mode os.FileMode, gid int) bool {
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != fs.ModeSocket|mode.Perm() {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && (gid < 0 || int(st.Gid) == gid)
}

func removeSocket(path string) {
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() == fs.ModeSocket {
		os.Remove(path)
	}
}

// userLists are the settings that tell the users of the control socket apart.
const userLists = "control.unix_admins, unix_publishers and unix_readers"

// writableByAll is the permission that lets every user connect to a socket.
const writableByAll = 0o002

// isForAll reports whether every user may connect to the socket, as with the default
// SocketMode=0666.
func isForAll(path string) (bool, error) {
	info, err := os.Stat(path)
	if err != nil {
		return false, err
	}
	return info.Mode()&writableByAll != 0, nil
}

// inheritPort inherits the control port from the service manager, if it has one, and reports
// whether it has.
func (c *control) inheritPort(s *config.Settings, access *access.MutualTLS) (bool, error) {
	var unwanted []*supervise.Socket
	for _, socket := range c.inherited.Named(supervise.ControlTCP) {
		at, err := tcpAddress(socket.FD())
		named := err == nil && isAddress(s.Control.TCP, at)
		switch {
		case socket.IsStored && !named:
			unwanted = append(unwanted, socket)
			continue
		case err != nil:
			return false, socket.Wrong(err)
		case !named && !s.IsPreset("control.tcp"):
			return false, socket.Wrong(fmt.Errorf("it is at %s, and control.tcp says %q: say the same, or leave control.tcp out", at, s.Control.TCP))
		}
		if _, err := c.server.InheritTCP(socket.FD(), access); err != nil {
			return false, socket.Wrong(err)
		}
		socket.Take()
		c.endpoints = append(c.endpoints, api.Endpoint{Kind: api.EndpointControlTCP, Address: at.String(), TLS: access != nil})
		c.log.Info("control port taken over from the service manager", "addr", at.String(), "tls", access != nil)
		return true, c.discardOthers(supervise.ControlTCP)
	}
	c.manager.Discard(unwanted)
	return false, nil
}

func tcpAddress(fd int) (netip.AddrPort, error) {
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		return netip.AddrPort{}, os.NewSyscallError("getsockname", err)
	}
	switch sa := sa.(type) {
	case *syscall.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port)), nil
	case *syscall.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr).Unmap(), uint16(sa.Port)), nil
	}
	return netip.AddrPort{}, errors.New("it is not a TCP socket")
}

// isAddress reports whether host:port of the settings is that address. Of names it knows only
// localhost.
func isAddress(setting string, at netip.AddrPort) bool {
	host, port, err := net.SplitHostPort(setting)
	if err != nil || port != strconv.Itoa(int(at.Port())) {
		return false
	}
	switch host {
	case "":
		return at.Addr().IsUnspecified()
	case "localhost":
		return at.Addr().IsLoopback()
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap() == at.Addr()
}
