package daemon

import (
	"context"
	"os"

	"github.com/hassesd/hassesd/internal/supervise"
)

// Run starts the daemon and serves until a signal or a drain ends it. It returns nil after a proper
// end.
func Run(ctx context.Context, o Options) error { return newDaemon(o).run(ctx, o) }

func (d *Daemon) run(ctx context.Context, o Options) error {
	d.signals.catchReloads()
	defer d.signals.release() // last of all, so that no signal cuts the closers short
	defer d.atEnd.run()
	err := d.meetManager(o.Env)
	if err == nil {
		err = d.open(ctx, o)
	}
	if err != nil {
		d.manager.Failed(err)
		return err
	}
	return d.serve(ctx)
}

// meetManager takes what the service manager hands over. It comes first, so that the daemon can
// report a start that fails.
func (d *Daemon) meetManager(env []string) error {
	manager, sockets, err := supervise.Meet(env, os.Getpid())
	if manager != nil {
		d.manager, d.inherited = manager, sockets
		d.atEnd.add(func() { _ = manager.Close() })
		d.atEnd.add(sockets.Close)
	}
	return asConfiguration(err)
}
