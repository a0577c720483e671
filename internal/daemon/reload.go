package daemon

import (
	"context"
	"fmt"
	"time"

	"github.com/hassesd/hassesd/internal/config"
)

// reload reads the configuration and the certificate again and puts in force what a running daemon can take. Everything
// is validated first; on any error all stays as it was. Live streams are not touched.
func (d *Daemon) reload(ctx context.Context) (changed, needsRestart []string, err error) {
	d.reloading.Lock()
	defer d.reloading.Unlock()

	next, err := d.reloadFrom()
	if err != nil {
		return nil, nil, err
	}
	old := *d.settings.Load()
	changed, needsRestart = config.Diff(old, next)
	inForce := config.Adopt(old, next)
	hubLimits, err := hubOptions(&inForce, "")
	if err != nil {
		return nil, nil, err
	}
	newCertificate, err := d.reloadCertificate(&inForce)
	if err != nil {
		return nil, nil, err
	}

	if err := d.edge.Reconfigure(ctx, edgeConfig(&inForce)); err != nil {
		return nil, nil, fmt.Errorf("put the new settings in force: %w", err)
	}
	d.hub.SetLimits(time.Now(), hubLimits.History, hubLimits.QueueBytes, hubLimits.Slow, hubLimits.MessageBytes)
	d.edge.SetReinit(inForce.Reinit)
	if err := d.logs.SetLevel(inForce.LogLevel); err != nil {
		return nil, nil, err
	}
	d.settings.Store(&inForce)
	if newCertificate {
		changed = addKey(changed, "tls.cert_file")
	}
	d.log.Info("reloaded", "changed", changed, "needs_restart", needsRestart)
	return changed, needsRestart, nil
}

// addKey adds a key whose value is the same while what it names is not.
func addKey(keys []string, key string) []string {
	for _, k := range keys {
		if k == key {
			return keys
		}
	}
	return append(keys, key)
}

// reloadOnSignal is what SIGHUP does: the log file is opened anew, for those who rotate it, and the settings are reloaded.
func (d *Daemon) reloadOnSignal(ctx context.Context) {
	if err := d.logs.Reopen(); err != nil {
		d.log.Error("log file cannot be opened anew; still writing to the one before", "err", err)
	}
	ask, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	if _, _, err := d.reload(ask); err != nil {
		d.log.Error("reload failed; the settings before are still in force", "err", err)
	}
}
