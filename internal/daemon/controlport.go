package daemon

import (
	"slices"
	"strings"
	"time"

	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/certs"
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/options"
)

// controlAccess reads and checks the files of the control port under TLS; nil is for plain TCP.
func controlAccess(s *config.Settings, now time.Time) (*access.MutualTLS, error) {
	if s.Control.TLS.CertFile == "" {
		return nil, nil //nolint:nilnil // no TLS is not an error
	}
	access, err := access.LoadMutualTLS(options.Access(s), now)
	if err != nil {
		return nil, &configurationError{err}
	}
	return access, nil
}

// nextAccess is controlAccess for a running daemon: what is not valid yet does not replace what is.
func (c *control) nextAccess(s *config.Settings, now time.Time) (*access.MutualTLS, error) {
	access, err := controlAccess(s, now)
	if port := c.port.Load(); access != nil && port != nil {
		if err := access.Follow(port.access, now); err != nil {
			return nil, &configurationError{err}
		}
	}
	return access, err
}

func controlFiles(s *config.Settings) *certs.Watch {
	t := &s.Control.TLS
	return certs.NewWatch(t.CertFile, t.KeyFile, t.ClientCAFile)
}

// openPort opens the control port if the settings name one, with TLS if they name a certificate for
// it.
func (c *control) openPort(s *config.Settings, reading controlReading, now time.Time) error {
	isInherited, err := c.inheritPort(s, reading.access)
	if err != nil {
		return err
	}
	if isInherited {
		c.warnOfNetworks(s)
		c.usePort(s, reading, now)
		return nil
	}
	if s.Control.TCP == "" {
		return nil
	}
	if reading.access == nil {
		addr, err := c.server.ListenTCP(s.Control.TCP)
		if err != nil && s.IsFromDevelopment("control.tcp") {
			c.log.Warn("no control port: it cannot be opened, and only development mode asked for it; --control-tcp chooses another", "err", err)
			return nil
		}
		if err != nil {
			return explainPortInUse(err, "control-tcp")
		}
		c.endpoints = append(c.endpoints, api.Endpoint{Kind: api.EndpointControlTCP, Address: addr.String()})
		c.log.Info("control port open", "addr", addr.String())
		c.warnOfNetworks(s)
		return nil
	}
	addr, err := c.server.ListenTLS(s.Control.TCP, reading.access)
	if err != nil {
		return explainPortInUse(err, "control-tcp")
	}
	c.endpoints = append(c.endpoints, api.Endpoint{Kind: api.EndpointControlTCP, Address: addr.String(), TLS: true})
	c.log.Info("control port open", "addr", addr.String(), "tls", true)
	c.usePort(s, reading, now)
	return nil
}

// readControlPort reads the files of the control port for a start.
func readControlPort(s *config.Settings, now time.Time) (controlReading, error) {
	access, err := controlAccess(s, now)
	return controlReading{access: access, watch: controlFiles(s)}, err
}

// readPort reads the files of the control port for a reload. Files that have not changed are never
// an error, unless the settings about them are among those that have changed.
func (c *control) readPort(s *config.Settings, changed []string, now time.Time) (controlReading, error) {
	access, err := c.nextAccess(s, now)
	isSet := func(key string) bool { return strings.HasPrefix(key, "control.tls.") }
	if err != nil && c.files != nil && c.files.IsUnchanged() && !slices.ContainsFunc(changed, isSet) {
		return controlReading{unrenewed: err}, nil
	}
	return controlReading{access: access, watch: controlFiles(s)}, err
}

// usePort makes a reading apply to new connections, and reports whether the daemon's certificate is
// another one.
func (c *control) usePort(s *config.Settings, reading controlReading, now time.Time) (isOther bool) {
	if err := reading.unrenewed; err != nil {
		c.log.Warn("control port stays as it is, as its files are the same, but they could not be taken anew", "err", err)
	}
	if reading.access == nil {
		return false
	}
	next := &controlPort{access: reading.access, info: certs.Describe(certs.SourceControl, reading.access.Leaf(), now)}
	next.info.CertFile, next.info.KeyFile = s.Control.TLS.CertFile, s.Control.TLS.KeyFile
	old := c.port.Load()
	isOther = old == nil || old.info.SHA256 != next.info.SHA256
	if !isOther {
		next.info.LoadedAt = old.info.LoadedAt
	}
	c.files = reading.watch
	c.port.Store(next)
	c.server.SetAccess(reading.access)
	if isOther {
		c.log.Info("certificate of the control port in force", "certificate", next.info)
	}
	c.warnOfPort(next, now)
	return isOther
}

// warnOfNetworks warns of other machines that may use the port without TLS.
func (c *control) warnOfNetworks(s *config.Settings) {
	if s.Control.IsOpenToNetworks() {
		c.log.Warn("control port is open to other machines without TLS: nothing sent to it is secret, and their role needs no key unless control.tcp_role is none",
			"networks", s.Control.TCPNetworks, "role", s.Control.TCPRole)
	}
}

func (c *control) warnOfPort(port *controlPort, now time.Time) {
	for _, what := range port.access.Complaints(now) {
		c.log.Warn("control port needs attention", "what", what)
	}
}

// run picks up replaced files of the control port, and warns once a day of certificates that
// expire, until stop is closed.
func (c *control) run(stop <-chan struct{}) {
	if c.port.Load() == nil {
		return
	}
	daily := time.NewTicker(expiryWarning)
	defer daily.Stop()
	check := time.NewTimer(c.checkInterval())
	defer check.Stop()
	for {
		select {
		case now := <-daily.C:
			c.warnOfPort(c.port.Load(), now)
		case now := <-check.C:
			if c.settings().TLS.Watch > 0 {
				c.checkFiles(now)
			}
			check.Reset(c.checkInterval())
		case <-stop:
			return
		}
	}
}

func (c *control) checkInterval() time.Duration {
	if watch := c.settings().TLS.Watch; watch > 0 {
		return watch
	}
	return checkWithoutWatch
}

// checkFiles uses files that were replaced, by the rules of certificates for subscribers. A failure
// is logged once, however often it recurs.
func (c *control) checkFiles(now time.Time) {
	c.changing.Lock()
	defer c.changing.Unlock()
	old := c.port.Load()
	if !c.files.Look(old.err != nil) {
		return
	}
	s := c.settings()
	reading := controlReading{watch: controlFiles(s)}
	var err error
	if reading.access, err = c.nextAccess(s, now); err == nil {
		c.usePort(s, reading, now)
		return
	}
	if old.err == nil || old.err.Error() != err.Error() {
		c.log.Error("replaced files of the control port cannot be used; what was before is still in force", "err", err)
	}
	failed := *old
	failed.err, failed.failedAt = err, now
	c.port.Store(&failed)
}

// certificate returns the certificate of the port under TLS as the control protocol lists it.
func (c *control) certificate(now, nextTry time.Time) (api.Certificate, bool) {
	port := c.port.Load()
	if port == nil {
		return api.Certificate{}, false
	}
	one := describe(port.info, port.access.Complaints(now), now)
	addFailure(&one, port.err, port.failedAt, nextTry)
	return one, true
}

// keepControlPort leaves the control port as the start has made it: only a restart switches TLS on
// or off. It moves the keys accordingly.
func keepControlPort(old *config.Settings, inForce *config.Settings, changed, needsRestart []string) ([]string, []string) {
	if (old.Control.TLS.CertFile == "") == (inForce.Control.TLS.CertFile == "") {
		return changed, needsRestart
	}
	inForce.Control.TLS = old.Control.TLS
	var rest []string
	for _, key := range changed {
		if strings.HasPrefix(key, "control.tls.") {
			needsRestart = append(needsRestart, key)
		} else {
			rest = append(rest, key)
		}
	}
	return rest, needsRestart
}
