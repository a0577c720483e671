package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/hassesd/hassesd/internal/admin"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/certs"
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/options"
	"github.com/hassesd/hassesd/internal/supervise"
)

// control is where the control protocol is spoken: the Unix socket, the port, and the FIFO.
type control struct {
	// Fixed after creation.
	log       *slog.Logger
	settings  func() *config.Settings // those that apply
	manager   *supervise.Manager
	inherited supervise.Sockets
	changing  sync.Locker // held while files are read and used after the start

	// Fixed once open.
	server    *admin.Server
	admission *admission.Table // of the port under TLS
	endpoints []api.Endpoint

	port atomic.Pointer[controlPort] // under TLS; nil: plain TCP, or no port

	// Guarded by changing.
	files    *certs.Watch  // of the port; nil: as above
	rights   *admin.Rights // that apply
	isShared bool          // every user of this machine may connect to the socket
}

// open opens all endpoints. Nobody is served before the server is told to. The options are completed by what the settings say.
func (c *control) open(r *reading, o admin.ServerOptions, descriptors int) error {
	s := r.settings
	mode, err := strconv.ParseUint(s.Control.UnixMode, 8, 32)
	if err != nil {
		return &configurationError{fmt.Errorf("control.unix_mode: %w", err)}
	}
	c.admission = admission.New(options.ControlAdmission(s))
	o.Logger, o.Admission = c.log, c.admission
	o.Delimiter, o.Connections = options.Delimiter(s), options.ControlConnections(s, descriptors)
	o.MaxMessage = func() int { return c.settings().Limits.MessageBytes }
	o.Pace = func() admin.Pace { return options.Pace(c.settings()) }
	c.server = admin.NewServer(o)
	c.useRights(r.rights)
	if err := c.openSocket(s, options.ControlSocket(s), os.FileMode(mode), r.unixGID); err != nil {
		return asConfiguration(err)
	}
	if err := c.openPort(r); err != nil {
		return asConfiguration(fmt.Errorf("open control port: %w", err))
	}
	return c.openFIFO(s, r.fifoGID)
}

// close ends the server, unless that was done before.
func (c *control) close() {
	if c.server == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	_ = c.server.Shutdown(ctx)
}

// store has the service manager keep the sockets that this process has opened. It has those of socket units anyway.
func (c *control) store() {
	err := c.server.Keep(func(tcp bool, fd int) bool {
		name := supervise.Control
		if tcp {
			name = supervise.ControlTCP
		}
		return c.inherited.HasUnit(name) || c.manager.Store(name, fd)
	})
	if err != nil {
		c.log.Warn("control sockets cannot be kept over a restart", "err", err)
	}
}

// warnOfUnreadable warns of keys that the process, as it is now, cannot read again.
func (c *control) warnOfUnreadable() {
	if c.rights == nil {
		return
	}
	for _, path := range c.rights.UnreadableKeys() {
		c.log.Warn("control key cannot be read any more with the rights that the daemon has left, so that every reload would fail; give the file to its group, with mode 0640", "file", path)
	}
}

// unreadableKeys returns the file of the port's private key if the process, as it is now, cannot read it again.
func (c *control) unreadableKeys() []string {
	if port := c.port.Load(); port != nil && !port.access.IsKeyReadable() {
		return []string{c.settings().Control.TLS.KeyFile}
	}
	return nil
}
