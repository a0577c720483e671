package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/hassesd/hassesd/internal/api"
	"github.com/hassesd/hassesd/internal/certs"
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/listen"
	"github.com/hassesd/hassesd/internal/supervise"
)

// operators is the HTTP listener of operators, api.listen.
type operators struct {
	// Fixed after creation.
	log       *slog.Logger
	manager   *supervise.Manager
	inherited supervise.Sockets

	// Fixed once open.
	listener net.Listener // nil: there is none
	isTLS    bool
	isLocal  bool         // only this machine can connect
	name     string       // the host that api.listen names, if it is a name
	remove   func()       // the socket's file; nil: there is none, or it stays
	process  *api.Process // nil: there is no listener
	server   *api.Server
}

// open opens the listener that the settings name, or inherits it from the service manager, and the
// files that its metrics are read from.
func (o *operators) open(s *config.Settings, gid int) error {
	if err := o.listen(s, gid); err != nil || o.listener == nil {
		return err
	}
	var err error
	o.process, err = api.OpenProcess()
	return err
}

func (o *operators) listen(s *config.Settings, gid int) error {
	isInherited, err := o.inherit(s, gid)
	if isInherited || err != nil {
		return asConfiguration(err)
	}
	if path := s.API.UnixPath(); path != "" {
		o.isLocal = true
		if o.listener, o.remove, err = listen.Unix(path, os.FileMode(s.Control.UnixPermissions()), gid); err != nil {
			return fmt.Errorf("open api.listen: %w", err)
		}
		o.log.Info("listener of operators open", "path", path)
		return nil
	}
	at, ok := s.API.Address()
	if !ok {
		return nil
	}
	o.isLocal, o.isTLS, o.name = at.IsLoopback(), at.TLS, hostName(at)
	addr := at.Addr
	if o.name == "localhost" {
		addr = "127.0.0.1" + strings.TrimPrefix(addr, o.name)
	}
	o.listener, err = listen.Address(addr)
	if err != nil && s.IsFromDevelopment("api.listen") {
		o.log.Warn("no listener of operators: it cannot be opened, and only development mode asked for it; --api-listen chooses another", "err", err)
		return nil
	}
	if err != nil {
		return explainPortInUse(fmt.Errorf("open api.listen: %w", err), "api-listen")
	}
	o.log.Info("listener of operators open", "url", o.url())
	return nil
}

// hostName returns the host of an address, if it is a name.
func hostName(at config.Listener) string {
	host, _, err := net.SplitHostPort(at.Addr)
	if err != nil || net.ParseIP(host) != nil {
		return ""
	}
	return strings.ToLower(host)
}

// url returns where the listener is, for people; "" without one.
func (o *operators) url() string {
	switch {
	case o.listener == nil:
		return ""
	case o.listener.Addr().Network() == "unix":
		return "unix:" + o.listener.Addr().String()
	case o.isTLS:
		return "https://" + o.listener.Addr().String()
	}
	return "http://" + o.listener.Addr().String()
}

// inherit inherits the socket from the service manager, if it has one, and reports whether it has.
// A stored socket is used where api.listen names its address. One of a unit replaces api.listen,
// which must be empty or name the same.
func (o *operators) inherit(s *config.Settings, gid int) (bool, error) {
	var unwanted []*supervise.Socket
	for _, socket := range o.inherited.Named(supervise.API) {
		isNamed, err := o.isNamed(s, socket, gid)
		switch {
		case socket.IsStored && (err != nil || !isNamed):
			unwanted = append(unwanted, socket)
			if at, err := unixPath(socket.FD()); err == nil {
				removeSocket(at) // otherwise it would seem that another daemon answers there
			}
			continue
		case err != nil:
			return false, socket.Wrong(err)
		case !isNamed && !s.IsPreset("api.listen"):
			return false, socket.Wrong(fmt.Errorf("it is not at the address in api.listen, %q: say the same, or leave api.listen out", s.API.Listen))
		}
		return true, o.take(s, socket)
	}
	o.manager.Discard(unwanted)
	return false, nil
}

// isNamed reports whether api.listen names the address of an inherited socket.
func (o *operators) isNamed(s *config.Settings, socket *supervise.Socket, gid int) (bool, error) {
	if path, err := unixPath(socket.FD()); err == nil {
		isSame := s.API.UnixPath() == path
		if socket.IsStored {
			isSame = isSame && isSocketOf(path, os.FileMode(s.Control.UnixPermissions()), gid)
		}
		return isSame, nil
	}
	at, err := tcpAddress(socket.FD())
	if err != nil {
		return false, errors.New("it is neither a TCP socket nor a Unix socket with a path")
	}
	named, ok := s.API.Address()
	return ok && isAddress(named.Addr, at), nil
}

// take makes an inherited socket the listener.
func (o *operators) take(s *config.Settings, socket *supervise.Socket) error {
	fd := socket.FD()
	l, err := listen.Inherit[net.Listener](fd)
	if err != nil {
		return socket.Wrong(err)
	}
	named, ok := s.API.Address()
	if at, err := tcpAddress(fd); err != nil {
		l.(*net.UnixListener).SetUnlinkOnClose(false)
		o.isLocal = true
	} else {
		o.isLocal = at.Addr().IsLoopback()
		o.isTLS = !o.isLocal
		if ok && isAddress(named.Addr, at) {
			o.isTLS, o.name = named.TLS, hostName(named)
		}
		switch {
		case !o.isLocal && !o.isTLS:
			err = errors.New("it is not on loopback, and api.listen says http://: write https://, or have the unit listen on 127.0.0.1")
		case !o.isLocal && len(s.Control.Keys) == 0:
			err = errors.New("it is not on loopback, so it requires a key: add a [[control.key]] table with the role read")
		}
		if err != nil {
			_ = l.Close()
			return socket.Wrong(err)
		}
	}
	socket.Take()
	o.listener = l
	if err := syscall.Close(fd); err != nil { // the listener has a duplicate
		return os.NewSyscallError("close", err)
	}
	o.log.Info("listener of operators taken over from the service manager", "url", o.url())
	var kept []*supervise.Socket
	for _, other := range o.inherited.Named(supervise.API) {
		if !other.IsStored {
			return other.Wrong(errors.New("there is more than one of that name"))
		}
		kept = append(kept, other)
	}
	o.manager.Discard(kept)
	return nil
}

// store has the service manager keep the socket that this process has opened. It has that of a
// socket unit anyway.
func (o *operators) store() {
	if o.listener == nil || o.inherited.HasUnit(supervise.API) {
		return
	}
	raw, err := o.listener.(syscall.Conn).SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) {
			if o.manager.Store(supervise.API, int(fd)) {
				o.remove = nil
			}
		})
	}
	if err != nil {
		o.log.Warn("the socket of operators cannot be kept over a restart", "err", err)
	}
}

// make makes the server of the listener, which serves once it is told to.
func (o *operators) make(options api.Options, certificates *certificates) error {
	options.Logger, options.Listener, options.IsLocal, options.Name = o.log, o.listener, o.isLocal, o.name
	if o.isTLS {
		if certificates.store == nil {
			return &fault{key: "api.listen", err: errors.New("https:// needs a certificate, and there is none: set tls.cert_file and tls.key_file")}
		}
		options.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return operatorsTLS(certificates), nil }}
		options.CoversHost = certificates.covers
	}
	o.server = api.New(options)
	return nil
}

// operatorsTLS returns the configuration for one handshake: the certificates and the policy of the
// listeners for browsers, but HTTP/1.1 alone, and no sessions to resume.
func operatorsTLS(certificates *certificates) *tls.Config {
	shared, _ := certificates.store.Config()
	return &tls.Config{
		GetCertificate:         shared.GetCertificate,
		MinVersion:             shared.MinVersion,
		CipherSuites:           shared.CipherSuites,
		CurvePreferences:       shared.CurvePreferences,
		NextProtos:             []string{"http/1.1"},
		SessionTicketsDisabled: true,
	}
}

// covers reports whether a certificate that is served is for the host.
func (c *certificates) covers(host string) bool {
	_, parent, _ := strings.Cut(host, ".")
	return slices.ContainsFunc(c.store.Certificates(), func(info certs.Info) bool {
		return slices.ContainsFunc(info.Names, func(name string) bool {
			return strings.EqualFold(name, host) || parent != "" && strings.EqualFold(name, "*."+parent)
		})
	})
}

// serve serves until close.
func (o *operators) serve() {
	if err := o.server.Serve(); err != nil {
		o.log.Error("the listener of operators has failed", "err", err)
	}
}

// close ends the server, or closes a listener that nobody has served.
func (o *operators) close() {
	if o.listener == nil {
		return
	}
	if o.server == nil {
		_ = o.listener.Close()
	} else {
		ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
		defer cancel()
		if err := o.server.Shutdown(ctx); err != nil {
			o.log.Debug("requests at api.listen cut", "err", err)
		}
	}
	if o.process != nil {
		_ = o.process.Close()
		o.process = nil
	}
	if o.remove != nil {
		o.remove()
		o.remove = nil
	}
}
