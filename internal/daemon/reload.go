package daemon

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/hassesd/hassesd/internal/config"
)

// reloadTimeout bounds the wait for a reload. It is less than a control connection waits.
const reloadTimeout = 8 * time.Second

// reopenTimeout bounds the wait for the log file to be reopened.
const reopenTimeout = 2 * time.Second

var (
	errReloadTurn = errors.New("another reload, or a look at the files of certificates, takes too long; a disk or a network file system seems to hang")
	errReloadSlow = errors.New("the files take too long to read; they are put in force when they have been read, and the log says so")
	errEnding     = errors.New("the daemon ends")
)

// reload reads the configuration, and all that it names, again and applies what a running daemon
// can change. Everything is validated first; on any error all stays as it was. Open streams are not
// touched. While files cannot be read because a disk hangs, the caller waits for ctx and
// reloadTimeout at most; the reload then goes on, and no other one begins.
func (d *Daemon) reload(ctx context.Context) (reloaded, error) {
	ctx, cancel := context.WithTimeout(ctx, reloadTimeout)
	defer cancel()
	if !d.reloading.lockUntil(ctx) {
		return reloaded{}, errReloadTurn
	}
	type outcome struct {
		reloaded
		err error
	}
	done := make(chan outcome) // nobody receives once ctx has ended
	go func() {
		defer d.reloading.Unlock()
		over := d.manager.Reloading()
		changed, needsRestart, err := d.readAgain()
		d.reloads.count(err)
		over()
		select {
		case done <- outcome{reloaded{changed, needsRestart}, err}:
		case <-ctx.Done():
			d.logReload(err)
		}
	}()
	select {
	case o := <-done:
		return o.reloaded, o.err
	case <-ctx.Done():
		return reloaded{}, errReloadSlow
	}
}

// readAgain is reload for a caller that holds reloading.
func (d *Daemon) readAgain() (changed, needsRestart []string, err error) {
	next, err := d.loadSettings()
	if err != nil {
		return nil, nil, d.confined.explain(err)
	}
	old := *d.current()
	changed, needsRestart = config.Diff(old, next)
	inForce := config.Adopt(old, next)
	changed, needsRestart = keepControlPort(&old, &inForce, changed, needsRestart)
	r := &reading{settings: &inForce, now: time.Now(), daemon: d, old: &old, changed: changed}
	if err := readParts(parts, atReload, r); err != nil {
		return nil, nil, err
	}
	if d.isEnding.Load() {
		return nil, nil, errEnding
	}
	// From here on nothing fails.
	d.useParts(parts, r)
	d.settings.Store(&inForce)
	d.log.Info("reloaded", "changed", r.changed, "needs_restart", needsRestart)
	if slices.Contains(r.changed, "cors.origins") {
		warnOfHassesOrigins(d.log, &inForce)
	}
	if slices.ContainsFunc(r.changed, func(key string) bool { return strings.HasPrefix(key, "proxy.") }) {
		logTrustedProxies(d.log, &inForce)
	}
	return r.changed, needsRestart, nil
}

// runReloads reloads on each SIGHUP, until stop is closed.
func (d *Daemon) runReloads(stop <-chan struct{}) {
	for {
		select {
		case <-d.signals.reloads:
			d.reloadOnSignal()
		case <-stop:
			return
		}
	}
}

// reloadOnSignal does what SIGHUP demands: it reopens the log file, for log rotation, and reloads
// the settings.
func (d *Daemon) reloadOnSignal() {
	ctx, cancel := context.WithTimeout(context.Background(), reopenTimeout)
	defer cancel()
	if err := d.logs.Reopen(ctx); err != nil {
		d.log.Error("log file cannot be opened anew; still writing to the one before", "err", err)
	}
	_, err := d.reload(context.Background())
	d.logReload(err)
}

// logReload logs the errors of a reload whose caller has gone, or has none.
func (d *Daemon) logReload(err error) {
	var all *config.Errors
	switch {
	case errors.As(err, &all):
		for _, e := range all.List {
			d.log.Error("reload failed; the settings before are still in force", "err", e)
		}
	case err != nil:
		for _, e := range eachFault(err) {
			d.log.Error("reload failed; the settings before are still in force", "err", e)
		}
	}
}
