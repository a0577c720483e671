package daemon

import (
	"fmt"
	"os"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/listen"
	"github.com/hassesd/hassesd/internal/options"
)

// openFIFO opens the named pipe, if the settings name one. The start goes on without one that only
// development mode asked for.
func (c *control) openFIFO(s *config.Settings, gid int) (err error) {
	path := options.ControlFIFO(s)
	if path == "" {
		return nil
	}
	mode := os.FileMode(s.Control.FIFOPermissions())
	isPreset := s.IsFromDevelopment("control.fifo")
	if isPreset {
		err = listen.PrepareDir(api.DevDir(), 0o600, -1)
	}
	if err == nil {
		err = c.server.OpenFIFO(path, mode, gid)
	}
	switch {
	case err != nil && isPreset:
		c.log.Warn("no FIFO: it cannot be opened, and only development mode asked for it; --fifo chooses another", "err", err)
		return nil
	case err != nil:
		return fmt.Errorf("open FIFO: %w", err)
	}
	c.endpoints = append(c.endpoints, api.Endpoint{Kind: api.EndpointFIFO, Address: path})
	c.log.Info("FIFO open", "path", path)
	if mode&0o002 != 0 {
		c.log.Warn("every user of this machine may publish through the FIFO", "path", path, "fifo_mode", s.Control.FIFOMode)
	}
	return nil
}
