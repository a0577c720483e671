package supervise

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/reactor"
	"github.com/hassesd/hassesd/internal/systemd"
)

// The names of inherited sockets. Each stands for the protocol that is spoken there.
const (
	HTTPS      = "https"
	HTTP       = "http"
	Control    = "control"
	ControlTCP = "control-tcp"
	API        = "api"

	// storedPrefix precedes the name of a socket that this service has opened itself and that the
	// manager has stored over a restart.
	storedPrefix = "kept-"
)

var socketNames = []string{HTTPS, HTTP, Control, ControlTCP, API}

// SocketError is about an inherited socket that the daemon cannot use as the unit and the settings
// are.
type SocketError struct {
	Name string // as the service manager has it
	Err  error
}

func (e *SocketError) Error() string {
	return fmt.Sprintf("the socket %q from the service manager: %v", e.Name, e.Err)
}

func (e *SocketError) Unwrap() error { return e.Err }

// Socket is a listening socket inherited from the service manager.
type Socket struct {
	Name     string // HTTPS and so on
	IsStored bool   // by this service, over a restart; otherwise an administrator's socket unit has opened it

	fd      int // -1: taken or closed
	isTaken bool

	// Of HTTPS and HTTP, from Prepare on.
	listener    reactor.Listener
	isDualStack bool // an IPv6 socket that accepts IPv4 as well
}

// Sockets are those that one process has inherited.
type Sockets []*Socket

// NewSockets makes sockets of what the service manager has handed over, and refuses names that mean
// nothing.
func NewSockets(inherited []systemd.Socket) (Sockets, error) {
	var all Sockets
	for _, s := range inherited {
		name, isStored := strings.CutPrefix(s.Name, storedPrefix)
		if !slices.Contains(socketNames, name) {
			return nil, &SocketError{s.Name, fmt.Errorf("FileDescriptorName= in its unit must be one of %s", strings.Join(socketNames, ", "))}
		}
		all = append(all, &Socket{Name: name, IsStored: isStored, fd: s.FD})
	}
	return all, nil
}

// Named returns the sockets with one of the names that have not been taken or closed, those of
// socket units first.
func (all Sockets) Named(names ...string) []*Socket {
	var units, stored []*Socket
	for _, s := range all {
		switch {
		case s.isTaken || !slices.Contains(names, s.Name):
		case s.IsStored:
			stored = append(stored, s)
		default:
			units = append(units, s)
		}
	}
	return append(units, stored...)
}

// HasUnit reports whether a socket unit has given a socket with one of the names, taken or not.
func (all Sockets) HasUnit(names ...string) bool {
	return slices.ContainsFunc(all, func(s *Socket) bool { return !s.IsStored && slices.Contains(names, s.Name) })
}

// Serving returns the prepared socket by which connections to the address arrive, taken or not;
// nil: none.
func (all Sockets) Serving(at netip.AddrPort) *Socket {
	if i := slices.IndexFunc(all, func(s *Socket) bool { return s.Serves(at) }); i >= 0 {
		return all[i]
	}
	return nil
}

// ServingPath returns the prepared Unix socket at the path, taken or not; nil: none.
func (all Sockets) ServingPath(path string) *Socket {
	if i := slices.IndexFunc(all, func(s *Socket) bool { return s.listener.Path == path }); i >= 0 {
		return all[i]
	}
	return nil
}

// Close closes what nobody has taken. The service manager has descriptors of its own.
func (all Sockets) Close() {
	for _, s := range all {
		s.close()
	}
}

// Prepare verifies that browsers can connect to the socket, and makes it a listener.
func (s *Socket) Prepare() error {
	// First, since the errors of Adopt are about options that other protocols do not have.
	protocol, err := unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_PROTOCOL)
	if err == nil && protocol == unix.IPPROTO_MPTCP {
		err = errors.New("it speaks MPTCP: leave SocketProtocol= out of its unit")
	}
	if err != nil {
		return s.Wrong(err)
	}
	l, err := reactor.Adopt(s.fd)
	if err != nil {
		return s.Wrong(err)
	}
	if l.Path == "" && l.Addr.Addr().Is6() {
		only, err := unix.GetsockoptInt(s.fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY)
		if err != nil {
			return s.Wrong(err)
		}
		s.isDualStack = only == 0
	}
	s.listener = l
	return nil
}

// Serves reports whether connections to the address arrive by this prepared socket.
func (s *Socket) Serves(at netip.AddrPort) bool {
	own := s.listener.Addr
	return own.IsValid() && own == at || s.isDualStack && own.Port() == at.Port() && own.Addr() == netip.IPv6Unspecified() && at.Addr() == netip.IPv4Unspecified()
}

// Listener returns the listener of a prepared socket, whose descriptor stays the socket's.
func (s *Socket) Listener() reactor.Listener { return s.listener }

// FD returns the descriptor, which stays the socket's; -1 once it is taken or closed.
func (s *Socket) FD() int { return s.fd }

// IsTaken reports whether the socket was taken or closed.
func (s *Socket) IsTaken() bool { return s.isTaken }

// Take gives the descriptor to the caller, who closes it. The listener is that of a prepared
// socket.
func (s *Socket) Take() (int, reactor.Listener) {
	fd := s.fd
	s.fd, s.isTaken = -1, true
	return fd, s.listener
}

func (s *Socket) close() {
	if s.fd >= 0 {
		_ = unix.Close(s.fd)
		s.fd, s.isTaken, s.listener = -1, true, reactor.Listener{}
	}
}

// Wrong returns the error that the socket cannot be used because of err.
func (s *Socket) Wrong(err error) error { return &SocketError{s.FullName(), err} }

// FullName returns the name that the service manager knows the socket by.
func (s *Socket) FullName() string {
	if s.IsStored {
		return storedPrefix + s.Name
	}
	return s.Name
}
