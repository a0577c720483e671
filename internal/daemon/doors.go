package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"

	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/edge"
	"github.com/hassesd/hassesd/internal/options"
	"github.com/hassesd/hassesd/internal/reactor"
	"github.com/hassesd/hassesd/internal/supervise"
)

// openDoors opens the listeners for browsers, or takes them from the service manager. Sockets of its units stand in the
// place of listen where that says nothing of its own, and must all be in it otherwise; kept ones are taken where listen
// names their address.
func (d *Daemon) openDoors(ctx context.Context, s *config.Settings) error {
	return asConfiguration(d.openListeners(ctx, s))
}

func (d *Daemon) openListeners(ctx context.Context, s *config.Settings) error {
	d.fromUnit = make(map[int]bool)
	d.atClose(func() {
		if !d.doorsServed { // the edge has closed them otherwise
			for _, door := range d.doors {
				_ = door.Listener.Close()
			}
		}
	})
	for _, socket := range d.inherited.Named(supervise.HTTPS, supervise.HTTP) {
		if err := socket.Prepare(); err != nil {
			return err
		}
	}
	isGiven := d.inherited.HasUnit(supervise.HTTPS, supervise.HTTP) && s.IsPreset("listen")
	unwanted := storedListeners(d.inherited)
	if !isGiven {
		var err error
		if unwanted, err = d.unwantedDoors(ctx, s); err != nil {
			return err
		}
	}
	d.manager.Discard(unwanted)
	if !isGiven {
		if err := d.listenAsConfigured(ctx, s); err != nil {
			return err
		}
	}
	var unnamed []error
	for _, socket := range d.inherited.Named(supervise.HTTPS, supervise.HTTP) {
		if isGiven {
			if err := d.addHandedDoor(s, socket); err != nil {
				return err
			}
			continue
		}
		unnamed = append(unnamed, socket.Wrong(fmt.Errorf("listen does not name its address: add %q, or leave listen out",
			socket.Name+"://"+socket.Addr().String())))
	}
	if len(unnamed) > 0 {
		return &configurationError{errors.Join(unnamed...)}
	}
	for _, door := range d.doors {
		if err := door.Listener.BoundSend(s.Limits.KernelBytes); err != nil {
			return fmt.Errorf("listen on %s: %w", door.Listener.Addr, err)
		}
	}
	return nil
}

// storedListeners lists the doors that were kept over a restart.
func storedListeners(all supervise.Sockets) []*supervise.Socket {
	return slices.DeleteFunc(all.Named(supervise.HTTPS, supervise.HTTP), func(s *supervise.Socket) bool { return !s.IsStored })
}

// unwantedDoors lists the kept doors at whose address listen wants nothing, or something else.
func (d *Daemon) unwantedDoors(ctx context.Context, s *config.Settings) ([]*supervise.Socket, error) {
	unwanted := storedListeners(d.inherited)
	if len(unwanted) == 0 {
		return nil, nil
	}
	for _, listen := range s.Listen {
		address, secure, err := options.SplitListen(listen)
		if err != nil {
			return nil, err
		}
		// Nothing is opened: this only finds out the addresses.
		if _, err := reactor.Listen(ctx, address, func(at netip.AddrPort) bool {
			unwanted = slices.DeleteFunc(unwanted, func(socket *supervise.Socket) bool {
				return socket.Serves(at) && (socket.Name == supervise.HTTPS) == secure
			})
			return true
		}); err != nil {
			return nil, err
		}
	}
	return unwanted, nil
}

// listenAsConfigured opens what listen names, but for what the service manager has handed over.
func (d *Daemon) listenAsConfigured(ctx context.Context, s *config.Settings) error {
	for _, listen := range s.Listen {
		address, secure, err := options.SplitListen(listen)
		if err != nil {
			return err
		}
		var wrong error
		listeners, err := reactor.Listen(ctx, address, func(at netip.AddrPort) bool {
			there, err := d.takeDoor(s, at, secure)
			wrong = errors.Join(wrong, err)
			return there
		})
		for _, l := range listeners {
			d.doors = append(d.doors, edge.Door{Listener: l, Secure: secure})
		}
		if err := errors.Join(wrong, err); err != nil {
			return portTaken(err, "listen")
		}
		if !secure {
			d.log.Warn("listening without TLS", "listen", listen)
		}
	}
	return nil
}

// portTaken adds to the error of a port that another process has what to do about it.
func portTaken(err error, flag string) error {
	if !errors.Is(err, syscall.EADDRINUSE) {
		return err
	}
	return fmt.Errorf("%w: another process has this port, perhaps another hassesd (hassesctl status tells its pid): end that one, or choose another port with --%s", err, flag)
}

// takeDoor takes the socket that serves the address, and says whether there is one.
func (d *Daemon) takeDoor(s *config.Settings, at netip.AddrPort, secure bool) (bool, error) {
	socket := d.inherited.Serving(at)
	switch {
	case socket == nil:
		return false, nil
	case (socket.Name == supervise.HTTPS) != secure:
		return true, socket.Wrong(fmt.Errorf("listen names %s otherwise: as https:// and not as http://, or the other way round", at))
	case socket.IsTaken():
		return true, nil // it serves IPv6 already, and IPv4 as well
	}
	return true, d.addHandedDoor(s, socket)
}

// addHandedDoor makes a socket from the service manager a door.
func (d *Daemon) addHandedDoor(s *config.Settings, socket *supervise.Socket) error {
	secure := socket.Name == supervise.HTTPS
	switch {
	case secure && d.certs == nil:
		return socket.Wrong(errors.New("there is no certificate for it: name one, or call the socket http"))
	case !secure && !s.Plaintext:
		return socket.Wrong(errors.New("it is not encrypted: call it https, or set plaintext if nobody can listen in on the way"))
	}
	if !socket.IsStored {
		d.fromUnit[socket.FD()] = true
		if !secure {
			d.log.Warn("listening without TLS", "listen", socket.Addr().String())
		}
	}
	d.log.Info("socket taken over from the service manager", "name", socket.FullName(), "addr", socket.Addr().String())
	_, listener := socket.Take()
	d.doors = append(d.doors, edge.Door{Listener: listener, Secure: secure})
	return nil
}

// keepSockets has the service manager store the sockets that this process has opened. It has those of socket units anyway.
func (d *Daemon) keepSockets() {
	if !d.manager.IsPresent() {
		return
	}
	for _, door := range d.doors {
		if !d.fromUnit[door.Listener.FD] {
			d.manager.Store(scheme(door), door.Listener.FD)
		}
	}
	err := d.control.Keep(func(tcp bool, fd int) bool {
		name := supervise.Control
		if tcp {
			name = supervise.ControlTCP
		}
		return d.inherited.HasUnit(name) || d.manager.Store(name, fd) // a unit looks after its own
	})
	if err != nil {
		d.log.Warn("control sockets cannot be kept over a restart", "err", err)
	}
}
