package daemon

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/edge"
	"github.com/hassesd/hassesd/internal/reactor"
	"github.com/hassesd/hassesd/internal/systemd"
)

// The names that sockets from the service manager have. They say what is spoken there.
const (
	socketHTTPS      = "https"
	socketHTTP       = "http"
	socketControl    = "control"
	socketControlTCP = "control-tcp"

	// keptPrefix is in front of the name of a socket that this service has opened by itself, and that the manager has
	// kept for it over a restart.
	keptPrefix = "kept-"
)

var socketNames = []string{socketHTTPS, socketHTTP, socketControl, socketControlTCP}

// handed is a socket from the service manager.
type handed struct {
	name  string // one of socketNames
	kept  bool   // kept over a restart; otherwise it is the administrator's, from a socket unit
	fd    int    // -1: taken by somebody who closes it
	taken bool

	// Of those that browsers connect to.
	listener  reactor.Listener
	dualStack bool // an IPv6 socket that takes IPv4 as well
}

// handover is the sockets from the service manager that are still to be taken.
type handover []*handed

// newHandover reads the names.
func newHandover(sockets []systemd.Socket) (handover, error) {
	var h handover
	for _, s := range sockets {
		name, kept := strings.CutPrefix(s.Name, keptPrefix)
		if !slices.Contains(socketNames, name) {
			return nil, &configurationError{fmt.Errorf("the service manager hands over a socket named %q: FileDescriptorName= in its unit must be one of %s",
				s.Name, strings.Join(socketNames, ", "))}
		}
		h = append(h, &handed{name: name, kept: kept, fd: s.FD})
	}
	return h, nil
}

// of lists the sockets with one of the names that nobody has taken, those of socket units first.
func (h handover) of(names ...string) []*handed {
	var units, kept []*handed
	for _, s := range h {
		switch {
		case s.taken || !slices.Contains(names, s.name):
		case s.kept:
			kept = append(kept, s)
		default:
			units = append(units, s)
		}
	}
	return append(units, kept...)
}

// hasUnit says whether a socket unit has given a socket of one of the names.
func (h handover) hasUnit(names ...string) bool {
	return slices.ContainsFunc(h, func(s *handed) bool { return !s.kept && slices.Contains(names, s.name) })
}

// door makes a socket one that browsers can connect to.
func (s *handed) door() error {
	// First of all, since Adopt's own errors are about options that other protocols do not have.
	protocol, err := unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_PROTOCOL)
	if err == nil && protocol == unix.IPPROTO_MPTCP {
		err = errors.New("it speaks MPTCP: leave SocketProtocol= out of its unit")
	}
	if err != nil {
		return s.wrong(err)
	}
	l, err := reactor.Adopt(s.fd)
	if err != nil {
		return s.wrong(err)
	}
	if l.Addr.Addr().Is6() {
		only, err := unix.GetsockoptInt(s.fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY)
		if err != nil {
			return s.wrong(err)
		}
		s.dualStack = only == 0
	}
	s.listener = l
	return nil
}

// serves says whether connections to the address come in by this socket.
func (s *handed) serves(at netip.AddrPort) bool {
	own := s.listener.Addr
	return own.IsValid() && own == at || s.dualStack && own.Port() == at.Port() && own.Addr() == netip.IPv6Unspecified() && at.Addr() == netip.IPv4Unspecified()
}

// wrong says of a socket what keeps it from being used.
func (s *handed) wrong(err error) error {
	return &configurationError{fmt.Errorf("the socket %q from the service manager: %w", s.fullName(), err)}
}

func (s *handed) fullName() string {
	if s.kept {
		return keptPrefix + s.name
	}
	return s.name
}

// take gives the descriptor to the caller.
func (s *handed) take() int {
	fd := s.fd
	s.fd, s.taken = -1, true
	return fd
}

// closeRest closes what nobody has taken.
func (h handover) closeRest() {
	for _, s := range h {
		if s.fd >= 0 {
			_ = unix.Close(s.take()) // the service manager has its own
		}
	}
}

// nameOf is the name under which a door is kept.
func nameOf(door edge.Door) string {
	if door.Secure {
		return socketHTTPS
	}
	return socketHTTP
}

// keepSockets has the service manager keep the sockets that this process has opened: after a crash, and during a
// restart, connections then wait for the next process instead of being refused. Those of socket units it has anyway.
func (d *Daemon) keepSockets() {
	if !d.manager.listens() {
		return
	}
	for _, door := range d.doors {
		if !d.fromUnit[door.Listener.FD] {
			d.manager.did("keep a socket", d.manager.notifier.Store(keptPrefix+nameOf(door), door.Listener.FD))
		}
	}
	d.manager.did("keep the control sockets", d.control.Keep(func(tcp bool, fd int) bool {
		name := socketControl
		if tcp {
			name = socketControlTCP
		}
		if d.handed.hasUnit(name) {
			return true // its unit looks after it
		}
		err := d.manager.notifier.Store(keptPrefix+name, fd)
		d.manager.did("keep a control socket", err)
		return err == nil
	}))
}

// discard gives up kept sockets that are not wanted any more, here and at the service manager, before something else
// is opened in their place. What is kept under the same names is so again at the end of the start.
func (d *Daemon) discard(sockets []*handed) {
	if len(sockets) == 0 {
		return
	}
	for _, s := range sockets {
		d.log.Info("socket kept over the restart is not wanted any more", "name", s.name)
		_ = unix.Close(s.take())
		s.listener = reactor.Listener{}
		d.manager.did("forget a socket", d.manager.notifier.Remove(s.fullName()))
	}
	d.manager.did("forget sockets", d.manager.notifier.Barrier(forgetTimeout))
}

// forgetTimeout bounds the wait for the service manager to close what it has kept.
const forgetTimeout = 5 * time.Second

// forgetSockets undoes keepSockets: who drains the daemon by hand wants clients to go elsewhere, not to wait.
func (d *Daemon) forgetSockets() {
	for _, name := range socketNames {
		err := d.manager.notifier.Remove(keptPrefix + name)
		d.manager.did("forget sockets", err)
		if errors.Is(err, systemd.ErrBusy) {
			return // each try waits a second
		}
	}
}
