package daemon

import (
	"strings"
	"time"

	"github.com/hassesd/hassesd/internal/admin"
	"github.com/hassesd/hassesd/internal/config"
)

// controlAccess reads and checks what the control port goes by under TLS; nil is for plain TCP.
func controlAccess(s *config.Settings, now time.Time) (*admin.Access, error) {
	t := &s.Control.TLS
	if t.CertFile == "" {
		return nil, nil //nolint:nilnil // no TLS is not an error
	}
	access, err := admin.LoadAccess(admin.AccessOptions{
		CertFile:     t.CertFile,
		KeyFile:      t.KeyFile,
		ClientCAFile: t.ClientCAFile,
		Admin:        t.Admin,
		Publish:      t.Publish,
		Read:         t.Read,
	}, now)
	if err != nil {
		return nil, &configurationError{err}
	}
	return access, nil
}

// openControlPort opens the control port, with TLS if there is a certificate for it.
func (d *Daemon) openControlPort(s *config.Settings) error {
	access, err := controlAccess(s, time.Now())
	if err != nil {
		return err
	}
	if access == nil {
		addr, err := d.control.ListenTCP(s.Control.TCP)
		if err != nil {
			return err
		}
		d.log.Info("control port open", "addr", addr.String())
		return nil
	}
	addr, err := d.control.ListenTLS(s.Control.TCP, access)
	if err != nil {
		return err
	}
	d.log.Info("control port open", "addr", addr.String(), "tls", true)
	d.useControlAccess(access)
	return nil
}

// useControlAccess puts what controlAccess has read in force, for new connections, and says whether the daemon's
// certificate is another one. Whoever calls it holds d.reloading, or is the start.
func (d *Daemon) useControlAccess(access *admin.Access) bool {
	if access == nil {
		return false
	}
	isOther := d.controlAccess == nil || d.controlAccess.Fingerprint() != access.Fingerprint()
	d.controlAccess = access
	d.control.SetAccess(access)
	if isOther {
		d.log.Info("certificate of the control port in force", "not_after", access.NotAfter())
	}
	d.complainOfControlPort(access, time.Now())
	return isOther
}

func (d *Daemon) complainOfControlPort(access *admin.Access, now time.Time) {
	for _, what := range access.Complaints(now) {
		d.log.Warn("control port needs attention", "what", what)
	}
}

// tendControlPort complains once a day of certificates of the control port that end, until stop is closed.
func (d *Daemon) tendControlPort(stop <-chan struct{}) {
	if d.settings.Load().Control.TLS.CertFile == "" {
		return
	}
	daily := time.NewTicker(expiryComplaining)
	defer daily.Stop()
	for {
		select {
		case now := <-daily.C:
			d.reloading.Lock()
			access := d.controlAccess
			d.reloading.Unlock()
			d.complainOfControlPort(access, now)
		case <-stop:
			return
		}
	}
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
