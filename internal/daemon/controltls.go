package daemon

import (
	"slices"
	"strings"
	"time"

	"github.com/hassesd/hassesd/internal/admin"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/certs"
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/options"
)

// controlAccess reads and checks what the control port goes by under TLS; nil is for plain TCP.
func controlAccess(s *config.Settings, now time.Time) (*admin.Access, error) {
	if s.Control.TLS.CertFile == "" {
		return nil, nil //nolint:nilnil // no TLS is not an error
	}
	access, err := admin.LoadAccess(options.Access(s), now)
	if err != nil {
		return nil, &configurationError{err}
	}
	return access, nil
}

// nextControlAccess is controlAccess for a running daemon: what is not valid yet does not replace what is.
func (d *Daemon) nextControlAccess(s *config.Settings, now time.Time) (*admin.Access, error) {
	access, err := controlAccess(s, now)
	if port := d.controlPort.Load(); access != nil && port != nil {
		if err := access.Follow(port.access, now); err != nil {
			return nil, &configurationError{err}
		}
	}
	return access, err
}

// controlPort is what the control port goes by under TLS. It is never changed once it is published.
type controlPort struct {
	access   *admin.Access
	info     certs.Info // of the daemon's certificate
	err      error      // what became of the last attempt to read the files anew; nil: it went well
	failedAt time.Time
}

// controlReading is what was read for the control port and is not in force yet.
type controlReading struct {
	access    *admin.Access // nil: as it is
	watch     *certs.Watch  // of the files it came from
	unrenewed error         // what is wrong with files that are the same as before, and so stay; nil: nothing
}

func controlFiles(s *config.Settings) *certs.Watch {
	t := &s.Control.TLS
	return certs.NewWatch(t.CertFile, t.KeyFile, t.ClientCAFile)
}

// openControlPort opens the control port if there shall be one, with TLS if there is a certificate for it.
func (d *Daemon) openControlPort(r *reading) error {
	s, reading := r.settings, r.control
	taken, err := d.takeControlPort(s, reading.access)
	if err != nil {
		return err
	}
	if taken {
		d.useControl(s, reading, r.now)
		return nil
	}
	if s.Control.TCP == "" {
		return nil
	}
	if reading.access == nil {
		addr, err := d.control.ListenTCP(s.Control.TCP)
		if err != nil && s.IsFromDevelopment("control.tcp") {
			d.log.Warn("no control port: it cannot be opened, and only development mode asked for it; --control-tcp chooses another", "err", err)
			return nil
		}
		if err != nil {
			return portTaken(err, "control-tcp")
		}
		d.ways = append(d.ways, api.Endpoint{Kind: api.EndpointControlTCP, Address: addr.String()})
		d.log.Info("control port open", "addr", addr.String())
		return nil
	}
	addr, err := d.control.ListenTLS(s.Control.TCP, reading.access)
	if err != nil {
		return portTaken(err, "control-tcp")
	}
	d.ways = append(d.ways, api.Endpoint{Kind: api.EndpointControlTCP, Address: addr.String(), TLS: true})
	d.log.Info("control port open", "addr", addr.String(), "tls", true)
	d.useControl(s, reading, r.now)
	return nil
}

// readControlPort reads what the control port goes by. At a reload, files that have not changed are never bad, unless the
// settings about them have.
func (r *reading) readControlPort() (err error) {
	s, d := r.settings, r.daemon
	r.control.watch = controlFiles(s)
	if d == nil {
		r.control.access, err = controlAccess(s, r.now)
		return err
	}
	r.control.access, err = d.nextControlAccess(s, r.now)
	isSet := func(key string) bool { return strings.HasPrefix(key, "control.tls.") }
	if err != nil && d.controlFiles != nil && d.controlFiles.IsUnchanged() && !slices.ContainsFunc(r.changed, isSet) {
		r.control = controlReading{unrenewed: err}
		return nil
	}
	return err
}

// useReadControlPort is useControl as a part is used.
func (d *Daemon) useReadControlPort(r *reading) []string {
	if err := r.control.unrenewed; err != nil {
		d.log.Warn("control port stays as it is, as its files are the same, but they could not be taken anew", "err", err)
	}
	if d.useControl(r.settings, r.control, r.now) {
		return []string{"control.tls.cert_file"}
	}
	return nil
}

// useControl puts a reading in force, for new connections, and says whether the daemon's certificate is another one.
// Whoever calls it holds d.reloading, or is the start.
func (d *Daemon) useControl(s *config.Settings, reading controlReading, now time.Time) bool {
	if reading.access == nil {
		return false
	}
	next := &controlPort{access: reading.access, info: certs.Describe(certs.SourceControl, reading.access.Leaf(), now)}
	next.info.CertFile, next.info.KeyFile = s.Control.TLS.CertFile, s.Control.TLS.KeyFile
	old := d.controlPort.Load()
	isOther := old == nil || old.info.SHA256 != next.info.SHA256
	if !isOther {
		next.info.LoadedAt = old.info.LoadedAt
	}
	d.controlFiles = reading.watch
	d.controlPort.Store(next)
	d.control.SetAccess(reading.access)
	if isOther {
		d.log.Info("certificate of the control port in force", "certificate", next.info)
	}
	d.complainOfControlPort(next, now)
	return isOther
}

func (d *Daemon) complainOfControlPort(port *controlPort, now time.Time) {
	for _, what := range port.access.Complaints(now) {
		d.log.Warn("control port needs attention", "what", what)
	}
}

// tendControlPort takes over files of the control port that were replaced, and complains once a day of certificates that
// end, until stop is closed.
func (d *Daemon) tendControlPort(stop <-chan struct{}) {
	if d.controlPort.Load() == nil {
		return
	}
	daily := time.NewTicker(expiryComplaining)
	defer daily.Stop()
	look := time.NewTimer(d.controlLookInterval())
	defer look.Stop()
	for {
		select {
		case now := <-daily.C:
			d.complainOfControlPort(d.controlPort.Load(), now)
		case now := <-look.C:
			if d.settings.Load().TLS.Watch > 0 {
				d.lookAtControlPort(now)
			}
			look.Reset(d.controlLookInterval())
		case <-stop:
			return
		}
	}
}

func (d *Daemon) controlLookInterval() time.Duration {
	if watch := d.settings.Load().TLS.Watch; watch > 0 {
		return watch
	}
	return lookWithoutWatch
}

// lookAtControlPort takes over files that were replaced, with the rules of certificates for subscribers. A failure is
// logged once, however often it is met.
func (d *Daemon) lookAtControlPort(now time.Time) {
	d.reloading.Lock()
	defer d.reloading.Unlock()
	old := d.controlPort.Load()
	if !d.controlFiles.Look(old.err != nil) {
		return
	}
	s := d.settings.Load()
	reading := controlReading{watch: controlFiles(s)}
	var err error
	if reading.access, err = d.nextControlAccess(s, now); err == nil {
		d.useControl(s, reading, now)
		return
	}
	if old.err == nil || old.err.Error() != err.Error() {
		d.log.Error("replaced files of the control port cannot be used; what was before is still in force", "err", err)
	}
	failed := *old
	failed.err, failed.failedAt = err, now
	d.controlPort.Store(&failed)
}

// keepControlPort lets the control port be what the start made of it: TLS or not is a matter of a restart. It moves
// the keys accordingly.
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
