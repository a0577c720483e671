package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/hassesd/hassesd/internal/edge"
	"github.com/hassesd/hassesd/internal/memguard"
	"github.com/hassesd/hassesd/internal/supervise"
)

const (
	// askTimeout bounds the wait for the loops after a signal.
	askTimeout = 10 * time.Second
	// endTimeout bounds the wait for goroutines that read and write files, which may hang with a
	// disk.
	endTimeout = 3 * time.Second
)

var (
	errStoppedAtOnce = errors.New("stopped by a second signal before the drain was over")
	errLoopStuck     = errors.New("an event loop does not turn")
)

// serve runs the parts that open has made until the daemon stops.
func (d *Daemon) serve(ctx context.Context) error {
	d.signals.catchEnds()

	var running sync.WaitGroup
	for _, loop := range d.loops {
		running.Go(func() {
			if err := loop.Run(); err != nil {
				select {
				case d.loopFailed <- err:
				default:
				}
			}
		})
	}
	stopHousekeeping := make(chan struct{})
	running.Go(func() { runTrim(d.hub, &d.publishing, stopHousekeeping) })
	running.Go(func() { d.memory.Run(stopHousekeeping) })
	running.Go(func() { memguard.ReleaseAfterWaves(stopHousekeeping, d.edge.Connections) })
	running.Go(func() { d.certificates.run(stopHousekeeping) })
	running.Go(func() { d.tickets.run(stopHousekeeping) })
	running.Go(func() { d.control.run(stopHousekeeping) })
	running.Go(func() { d.runReloads(stopHousekeeping) })
	if d.cluster.events != nil {
		running.Go(func() { d.cluster.run(stopHousekeeping) })
	}
	defer func() {
		close(stopHousekeeping)
		for _, loop := range d.loops {
			loop.Stop()
		}
		if err := within(endTimeout, func() error { running.Wait(); return nil }); err != nil {
			d.log.Warn("the end does not wait for what goes on in the background", "err", err)
		}
	}()

	d.listeners.isServed = true
	if err := d.edge.Serve(ctx, d.listeners.all); err != nil {
		return err
	}
	running.Go(func() { d.manager.RunStatus(stopHousekeeping, d.statusFigures) }) // which asks the acceptors that Serve has made
	d.isServing.Store(true)
	if d.operators.server != nil {
		running.Go(d.operators.serve)
		running.Go(func() { d.dashboard.Run(stopHousekeeping) })
	}
	d.inherited.Close()        // what is not wanted any more
	if d.manager.IsPresent() { // before anyone is served who may have them forgotten
		d.listeners.store()
		d.control.store()
		d.operators.store()
	}
	d.control.server.Serve()
	if acme := d.certificates.acme; acme != nil {
		acme.Start(ctx) // now that the authority can reach the listeners
		defer func() { _ = within(endTimeout, func() error { acme.Stop(); return nil }) }()
	}
	d.manager.WatchLoops(d.loops)
	d.manager.Ready()
	d.log.Info("ready", "listen", d.listeners.addresses(), "url", d.backend.subscribeURL(), "pid", os.Getpid())
	err := d.wait(ctx)
	d.isEnding.Store(true)
	d.publisher.StopWaiting()
	d.publishing.stop()

	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if down := d.control.server.Shutdown(stop); down != nil {
		d.log.Debug("control connections cut", "err", down)
	}
	if d.dashboard != nil {
		d.dashboard.Close()
	}
	d.operators.close()
	if err != nil && !errors.Is(err, errStoppedAtOnce) {
		d.history.lose() // a loop has failed, and nobody knows what it has sent
	}
	d.history.keep(d.events, d.hub) // now that nobody can publish any more
	d.log.Info("stopped")
	return err
}

// wait acts on signals until the daemon has drained or has to stop at once.
func (d *Daemon) wait(ctx context.Context) error {
	done := ctx.Done()
	stopping := false // a signal has begun the stop
	for {
		select {
		case <-d.edge.Drained():
			return nil
		case err := <-d.loopFailed:
			return fmt.Errorf("event loop: %w", err)
		case <-done:
			done = nil
			d.drainOnSignal(ctx)
		case s := <-d.signals.ends:
			if stopping {
				return errStoppedAtOnce
			}
			stopping = true
			d.log.Info("stopping", "signal", s.String())
			d.drainOnSignal(ctx)
		}
	}
}

// drainOnSignal begins the stop. A drain that an administrator has begun goes on, but takes no
// longer than the configured window from now.
func (d *Daemon) drainOnSignal(ctx context.Context) {
	ask, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
	defer cancel()
	s := d.current()
	if _, _, err := d.drain(ask, edge.DrainPlan{Window: s.Drain.Window, ComesBack: s.Drain.Restart}); err != nil {
		d.log.Warn("the loops are slow to begin the drain", "err", err)
	}
}

// statusFigures returns what the service manager's status line is made of.
func (d *Daemon) statusFigures() (supervise.Figures, error) {
	now := time.Now()
	st := d.edge.Stats(now)
	if slices.ContainsFunc(st.Loops, func(l edge.LoopStats) bool { return l.Stuck }) {
		return supervise.Figures{}, errLoopStuck
	}
	return supervise.Figures{Streams: st.Streams, Rooms: d.countRooms(now, &st)}, nil
}
