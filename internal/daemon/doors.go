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
	"github.com/hassesd/hassesd/internal/reactor"
)

// openDoors opens the listeners for browsers, or takes them from the service manager. Sockets of its units stand in the
// place of listen where that says nothing of its own, and must all be in it otherwise; kept ones are taken where listen
// names their address.
func (d *Daemon) openDoors(ctx context.Context, s *config.Settings) error {
	d.fromUnit = make(map[int]bool)
	d.atClose(func() {
		if !d.doorsServed { // the edge has closed them otherwise
			for _, door := range d.doors {
				_ = door.Listener.Close()
			}
		}
	})
	for _, socket := range d.handed.of(socketHTTPS, socketHTTP) {
		if err := socket.door(); err != nil {
			return err
		}
	}
	isGiven := d.handed.hasUnit(socketHTTPS, socketHTTP) && s.IsPreset("listen")
	unwanted := d.handed.keptDoors()
	if !isGiven {
		var err error
		if unwanted, err = d.unwantedDoors(ctx, s); err != nil {
			return err
		}
	}
	d.discard(unwanted)
	if !isGiven {
		if err := d.listenAsConfigured(ctx, s); err != nil {
			return err
		}
	}
	var unnamed []error
	for _, socket := range d.handed.of(socketHTTPS, socketHTTP) {
		if isGiven {
			if err := d.addHandedDoor(s, socket); err != nil {
				return err
			}
			continue
		}
		unnamed = append(unnamed, socket.wrong(fmt.Errorf("listen does not name its address: add %q, or leave listen out",
			socket.name+"://"+socket.listener.Addr.String())))
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

// keptDoors lists the doors that were kept over a restart.
func (h handover) keptDoors() []*handed {
	return slices.DeleteFunc(h.of(socketHTTPS, socketHTTP), func(s *handed) bool { return !s.kept })
}

// unwantedDoors lists the kept doors at whose address listen wants nothing, or something else.
func (d *Daemon) unwantedDoors(ctx context.Context, s *config.Settings) ([]*handed, error) {
	unwanted := d.handed.keptDoors()
	if len(unwanted) == 0 {
		return nil, nil
	}
	for _, listen := range s.Listen {
		address, secure, err := splitListen(listen)
		if err != nil {
			return nil, err
		}
		// Nothing is opened: this only finds out the addresses.
		if _, err := reactor.ListenBeside(ctx, address, func(at netip.AddrPort) bool {
			unwanted = slices.DeleteFunc(unwanted, func(socket *handed) bool {
				return socket.serves(at) && (socket.name == socketHTTPS) == secure
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
		address, secure, err := splitListen(listen)
		if err != nil {
			return err
		}
		var wrong error
		listeners, err := reactor.ListenBeside(ctx, address, func(at netip.AddrPort) bool {
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
	for _, socket := range d.handed {
		if !socket.serves(at) {
			continue
		}
		if isSecure := socket.name == socketHTTPS; isSecure != secure {
			return true, socket.wrong(fmt.Errorf("listen names %s otherwise: as https:// and not as http://, or the other way round", at))
		}
		if socket.taken {
			return true, nil // it serves IPv6 already, and IPv4 as well
		}
		return true, d.addHandedDoor(s, socket)
	}
	return false, nil
}

// addHandedDoor makes a socket from the service manager a door.
func (d *Daemon) addHandedDoor(s *config.Settings, socket *handed) error {
	secure := socket.name == socketHTTPS
	switch {
	case secure && d.certs == nil:
		return socket.wrong(errors.New("there is no certificate for it: name one, or call the socket http"))
	case !secure && !s.Plaintext:
		return socket.wrong(errors.New("it is not encrypted: call it https, or set plaintext if nobody can listen in on the way"))
	}
	if !socket.kept {
		d.fromUnit[socket.fd] = true
		if !secure {
			d.log.Warn("listening without TLS", "listen", socket.listener.Addr.String())
		}
	}
	d.log.Info("socket taken over from the service manager", "name", socket.fullName(), "addr", socket.listener.Addr.String())
	socket.take()
	d.doors = append(d.doors, edge.Door{Listener: socket.listener, Secure: secure})
	return nil
}
