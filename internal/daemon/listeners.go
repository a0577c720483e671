package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"syscall"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/edge"
	"github.com/hassesd/hassesd/internal/listen"
	"github.com/hassesd/hassesd/internal/options"
	"github.com/hassesd/hassesd/internal/reactor"
	"github.com/hassesd/hassesd/internal/supervise"
)

// listeners are the sockets that browsers connect to.
type listeners struct {
	// Fixed after creation.
	log       *slog.Logger
	manager   *supervise.Manager
	inherited supervise.Sockets
	hasTLS    bool // there are certificates
	gid       int  // of Unix sockets; -1: as it comes

	// Fixed once open.
	all      []edge.Listener
	fromUnit map[int]bool // descriptors that a socket unit has given

	// Owned by Run's goroutine.
	isServed bool           // the edge owns all
	removals map[int]func() // by descriptor: remove the files of Unix sockets that nobody keeps
}

// open opens the listeners, or inherits them from the service manager. Sockets of its units replace
// listen where that is not set, and must all be named by it otherwise; stored sockets are used
// where listen names their address.
func (l *listeners) open(ctx context.Context, s *config.Settings) error {
	l.fromUnit, l.removals = make(map[int]bool), make(map[int]func())
	for _, socket := range l.inheritedSockets() {
		if err := socket.Prepare(); err != nil {
			return asConfiguration(err)
		}
	}
	var err error
	if l.inherited.HasUnit(supervise.HTTPS, supervise.HTTP) && s.IsPreset("listen") {
		err = l.inheritAll(s)
	} else {
		err = l.openConfigured(ctx, s)
	}
	if err != nil {
		return asConfiguration(err)
	}
	for _, e := range l.all {
		if err := e.Listener.BoundSend(s.Limits.KernelBytes); err != nil {
			return fmt.Errorf("listen on %s: %w", e.Listener, err)
		}
	}
	return nil
}

// close closes the listeners, unless the edge has them, and removes the files of Unix sockets.
func (l *listeners) close() {
	for _, remove := range l.removals {
		remove()
	}
	if l.isServed {
		return
	}
	for _, e := range l.all {
		_ = e.Listener.Close()
	}
}

// inheritAll uses every socket of a unit and gives up the stored ones.
func (l *listeners) inheritAll(s *config.Settings) error {
	l.manager.Discard(l.storedSockets())
	for _, socket := range l.inheritedSockets() {
		if err := l.inherit(s, socket); err != nil {
			return err
		}
	}
	return nil
}

// openConfigured opens what listen names, by inherited sockets where there are any.
func (l *listeners) openConfigured(ctx context.Context, s *config.Settings) error {
	unwanted, err := l.unwantedSockets(ctx, s)
	if err != nil {
		return err
	}
	l.manager.Discard(unwanted)
	for _, listen := range s.Listen {
		if err := l.openOne(ctx, s, listen); err != nil {
			return err
		}
	}
	var unnamed []error
	for _, socket := range l.inheritedSockets() {
		unnamed = append(unnamed, socket.Wrong(fmt.Errorf("listen does not name its address: add %q, or leave listen out",
			address(socket.Name, socket.Listener()))))
	}
	return errors.Join(unnamed...)
}

// inheritedSockets returns the inherited sockets that are not in use yet.
func (l *listeners) inheritedSockets() []*supervise.Socket {
	return l.inherited.Named(supervise.HTTPS, supervise.HTTP)
}

// storedSockets returns those of them that were stored over a restart.
func (l *listeners) storedSockets() []*supervise.Socket {
	return slices.DeleteFunc(l.inheritedSockets(), func(s *supervise.Socket) bool { return !s.IsStored })
}

// unwantedSockets returns the stored sockets at whose address listen wants nothing, or something
// else.
func (l *listeners) unwantedSockets(ctx context.Context, s *config.Settings) ([]*supervise.Socket, error) {
	unwanted := l.storedSockets()
	if len(unwanted) == 0 {
		return nil, nil
	}
	for _, listen := range s.Listen {
		if path, isUnix := options.UnixListen(listen); isUnix {
			unwanted = slices.DeleteFunc(unwanted, func(socket *supervise.Socket) bool {
				return socket.Listener().Path == path && isSocketOf(path, os.FileMode(s.Proxy.UnixPermissions()), l.gid)
			})
			continue
		}
		address, secure, err := options.SplitListen(listen)
		if err != nil {
			return nil, err
		}
		// This only finds out the addresses, and opens nothing.
		if _, err := reactor.Listen(ctx, address, func(at netip.AddrPort) bool {
			unwanted = slices.DeleteFunc(unwanted, func(socket *supervise.Socket) bool {
				return socket.Serves(at) && (socket.Name == supervise.HTTPS) == secure
			})
			return true
		}); err != nil {
			return nil, err
		}
	}
	for _, socket := range unwanted {
		if path := socket.Listener().Path; path != "" {
			removeSocket(path) // otherwise it would seem that another daemon answers there
		}
	}
	return unwanted, nil
}

// openOne opens the listeners of one URL.
func (l *listeners) openOne(ctx context.Context, s *config.Settings, listen string) error {
	if path, isUnix := options.UnixListen(listen); isUnix {
		return l.openUnix(s, path)
	}
	address, secure, err := options.SplitListen(listen)
	if err != nil {
		return err
	}
	var inheritErr error
	opened, err := reactor.Listen(ctx, address, func(at netip.AddrPort) bool {
		isInherited, err := l.inheritAt(s, at, secure)
		inheritErr = errors.Join(inheritErr, err)
		return isInherited
	})
	for _, one := range opened {
		l.all = append(l.all, edge.Listener{Listener: one, Secure: secure})
	}
	if err := errors.Join(inheritErr, err); err != nil {
		return explainPortInUse(err, "listen")
	}
	if !secure {
		l.log.Warn("listening without TLS", "listen", listen)
	}
	return nil
}

// openUnix opens the listener of a Unix socket, or inherits it.
func (l *listeners) openUnix(s *config.Settings, path string) error {
	if socket := l.inherited.ServingPath(path); socket != nil && !socket.IsTaken() {
		return l.inherit(s, socket)
	}
	fd, remove, err := listen.UnixSocket(path, os.FileMode(s.Proxy.UnixPermissions()), l.gid)
	if err != nil {
		return fmt.Errorf("listen on a Unix socket: %w", err)
	}
	listener, err := reactor.Adopt(fd)
	if err != nil {
		remove()
		return errors.Join(fmt.Errorf("listen on %s: %w", path, err), syscall.Close(fd))
	}
	l.all = append(l.all, edge.Listener{Listener: listener})
	l.removals[fd] = remove
	return nil
}

// explainPortInUse adds to the error of a port that another process has what to do about it.
func explainPortInUse(err error, flag string) error {
	if !errors.Is(err, syscall.EADDRINUSE) {
		return err
	}
	return fmt.Errorf("%w: another process has this port, perhaps another hassesd (hassesctl status tells its pid): end that one, or choose another port with --%s", err, flag)
}

// inheritAt uses the inherited socket that serves the address, and reports whether there is one.
func (l *listeners) inheritAt(s *config.Settings, at netip.AddrPort, secure bool) (bool, error) {
	socket := l.inherited.Serving(at)
	switch {
	case socket == nil:
		return false, nil
	case (socket.Name == supervise.HTTPS) != secure:
		return true, socket.Wrong(fmt.Errorf("listen names %s otherwise: as https:// and not as http://, or the other way round", at))
	case socket.IsTaken():
		return true, nil // for IPv6, and it serves IPv4 as well
	}
	return true, l.inherit(s, socket)
}

// inherit makes an inherited socket a listener.
func (l *listeners) inherit(s *config.Settings, socket *supervise.Socket) error {
	secure, isUnix := socket.Name == supervise.HTTPS, socket.Listener().Path != ""
	switch {
	case secure && isUnix:
		return socket.Wrong(errors.New("it is a Unix socket, and those are without TLS, for a proxy on this machine: call it http"))
	case secure && !l.hasTLS:
		return socket.Wrong(errors.New("there is no certificate for it: name one, or call the socket http"))
	case !secure && !isUnix && !s.Plaintext:
		return socket.Wrong(errors.New("it is not encrypted: call it https, or set plaintext if nobody can listen in on the way"))
	}
	if !socket.IsStored {
		l.fromUnit[socket.FD()] = true
		if !secure && !isUnix {
			l.log.Warn("listening without TLS", "listen", socket.Listener().String())
		}
	}
	l.log.Info("socket taken over from the service manager", "name", socket.FullName(), "addr", socket.Listener().String())
	_, listener := socket.Take()
	l.all = append(l.all, edge.Listener{Listener: listener, Secure: secure})
	return nil
}

// store has the service manager keep the sockets that this process has opened. It has those of
// socket units anyway.
func (l *listeners) store() {
	for _, e := range l.all {
		if fd := e.Listener.FD; !l.fromUnit[fd] && l.manager.Store(scheme(e), fd) {
			delete(l.removals, fd) // the next process listens there
		}
	}
}

// addresses returns the URLs of the addresses that are really bound.
func (l *listeners) addresses() []string {
	out := make([]string, 0, len(l.all))
	for _, e := range l.all {
		out = append(out, address(scheme(e), e.Listener))
	}
	return out
}

// endpoints returns the listeners as the control protocol lists them.
func (l *listeners) endpoints() []api.Endpoint {
	var all []api.Endpoint
	for i, address := range l.addresses() {
		all = append(all, api.Endpoint{Kind: api.EndpointListen, Address: address, TLS: l.all[i].Secure})
	}
	return all
}

// subscribeURL returns where browsers subscribe, as far as the daemon can know. A listener on all
// addresses goes by the name certificateName.
func (l *listeners) subscribeURL(s *config.Settings, certificateName string) string {
	isTCP := func(e edge.Listener) bool { return e.Listener.Path == "" }
	i := slices.IndexFunc(l.all, isTCP)
	if i < 0 || len(s.Listen) == 0 {
		return ""
	}
	first := l.all[i]
	host := first.Listener.Addr.Addr().String()
	for _, listen := range s.Listen {
		if u, err := url.Parse(listen); err == nil && u.Scheme != "unix" {
			if u.Hostname() != "" {
				host = u.Hostname()
			}
			break
		}
	}
	if a, err := netip.ParseAddr(host); err == nil && a.IsUnspecified() {
		host = certificateName
	}
	return scheme(first) + "://" + net.JoinHostPort(host, fmt.Sprint(first.Listener.Addr.Port())) + s.Path
}

// address returns a listener as listen names it.
func address(scheme string, l reactor.Listener) string {
	if l.Path != "" {
		return l.String()
	}
	return scheme + "://" + l.String()
}

func scheme(e edge.Listener) string {
	if e.Secure {
		return "https"
	}
	return "http"
}
