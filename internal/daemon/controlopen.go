package daemon

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/hassesd/hassesd/internal/admin/server"
	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/options"
	"github.com/hassesd/hassesd/internal/supervise"
)

// open opens all endpoints. Nobody is served before the server is told to. The options are
// completed by what the settings say.
func (c *control) open(s *config.Settings, found controlFound, o server.Options, descriptors int, now time.Time) error {
	mode, err := strconv.ParseUint(s.Control.UnixMode, 8, 32)
	if err != nil {
		return &configurationError{fmt.Errorf("control.unix_mode: %w", err)}
	}
	c.admission = admission.New(options.ControlAdmission(s))
	o.Logger, o.Admission = c.log, c.admission
	o.Delimiter, o.Connections = options.Delimiter(s), options.ControlConnections(s, descriptors)
	o.MaxMessage = func() int { return c.settings().Limits.MessageBytes }
	c.server = server.New(o)
	c.useRights(found.rights)
	if err := c.openSocket(s, options.ControlSocket(s), os.FileMode(mode), found.unixGID); err != nil {
		return asConfiguration(err)
	}
	if err := c.openPort(s, found.port, now); err != nil {
		return asConfiguration(fmt.Errorf("open control port: %w", err))
	}
	return c.openFIFO(s, found.fifoGID)
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

// store has the service manager keep the sockets that this process has opened. It has those of
// socket units anyway.
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
