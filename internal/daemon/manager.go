package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/hassesd/hassesd/internal/systemd"
)

const (
	// statusInterval is how often the service manager's line about the daemon is looked at.
	statusInterval = 2 * time.Second
	// stopExtension is how much time the service manager is asked for at a time while the streams end: enough for
	// several looks, and for what a stop does at its very end.
	stopExtension = 60 * time.Second
	// countingShare is which part of the time may be spent on counting rooms: one in so many.
	countingShare = 50
)

// manager is the service manager, when there is one.
type manager struct {
	// Fixed once open.
	notifier *systemd.Notifier // nil: nobody listens
	watchdog time.Duration     // 0: nobody watches
	log      *slog.Logger
	absent   error // why there is no notifier where there should be one

	isDeaf atomic.Bool // the last thing could not be told; safe by itself
}

// meetManager takes what the service manager hands over. It comes first, so that the manager can be told of a start that
// fails.
func (d *Daemon) meetManager(env []string) error {
	service, err := systemd.Inherit(env, os.Getpid())
	if err != nil {
		return fmt.Errorf("service manager: %w", err)
	}
	d.manager.log = slog.New(slog.DiscardHandler) // until there is one
	d.manager.watchdog = service.Watchdog
	if service.NotifySocket != "" {
		// The variable may be a leftover of somebody else's, so this is no reason not to start.
		d.manager.notifier, d.manager.absent = systemd.Dial(service.NotifySocket)
		d.atClose(func() { _ = d.manager.notifier.Close() })
	}
	if d.handed, err = newHandover(service.Sockets); err != nil {
		return err
	}
	d.atClose(d.handed.closeRest)
	return nil
}

// logTo gives the manager's troubles a log.
func (m *manager) logTo(log *slog.Logger) {
	m.log = log
	if m.absent != nil {
		m.log.Warn("the service manager cannot be told how the daemon is doing", "err", m.absent)
	}
}

// listens says whether there is anybody to tell.
func (m *manager) listens() bool { return m.notifier != nil }

// tell tells the service manager. That it cannot be told is logged, and changes nothing else.
func (m *manager) tell(states ...systemd.State) {
	m.did("tell the service manager", m.notifier.Notify(states...))
}

// did logs that something could not be done, once until it can be done again.
func (m *manager) did(what string, err error) {
	switch {
	case err == nil:
		m.isDeaf.Store(false)
	case !m.isDeaf.Swap(true):
		m.log.Warn("the service manager does not listen", "doing", what, "err", err)
	}
}

// feed tells that all loops have turned. It is called on a loop, so it never waits: a busy manager is told the next time.
func (m *manager) feed() {
	if err := m.notifier.TryNotify(systemd.Alive); !errors.Is(err, systemd.ErrBusy) {
		m.did("feed the watchdog", err)
	}
}

// tellReady is the end of the start.
func (d *Daemon) tellReady() { d.manager.tell(systemd.Ready) }

// tellReload tells that a reload begins, and answers what tells its end.
func (d *Daemon) tellReload() (over func()) {
	if d.draining() {
		return func() {} // the end has begun, and that is the last that counts
	}
	d.manager.tell(systemd.Reloading(systemd.Monotonic()))
	return func() {
		if !d.draining() {
			d.manager.tell(systemd.Ready)
		}
	}
}

// tellStopping is the beginning of the end.
func (d *Daemon) tellStopping() {
	d.manager.tell(systemd.Stopping, systemd.ExtendTimeout(stopExtension), systemd.Status("draining"))
}

// startWatchdog has the loops feed the watchdog. The loops are running.
func (d *Daemon) startWatchdog() {
	if d.manager.listens() && d.manager.watchdog > 0 {
		newPulse(d.loops, d.manager.watchdog/beatsPerWatchdog, d.manager.feed).start()
	}
}

// tendManager keeps the service manager's line about the daemon fresh, and asks for more time while a drain goes on and
// the loops answer, until stop is closed.
func (d *Daemon) tendManager(stop <-chan struct{}) {
	if !d.manager.listens() {
		return
	}
	look := time.NewTicker(statusInterval)
	defer look.Stop()
	var line statusLine
	for now := time.Now(); ; {
		ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
		text, err := line.look(ctx, d, now)
		cancel()
		var states []systemd.State
		if err == nil && text != "" {
			states = append(states, systemd.Status(text))
		}
		if err == nil && d.draining() {
			states = append(states, systemd.ExtendTimeout(stopExtension))
		}
		if len(states) > 0 {
			d.manager.tell(states...)
		}
		select {
		case now = <-look.C:
		case <-stop:
			return
		}
	}
}

// statusLine is what the service manager's line was made of.
type statusLine struct {
	text    string
	opened  uint64 // streams ever, and their second requests: rooms cannot change otherwise but by
	streams int    // ends
	rooms   int
	counted bool      // rooms were, for these streams
	resting time.Time // rooms are not counted again before
}

// look answers the line if it is another one than before.
func (l *statusLine) look(ctx context.Context, d *Daemon, now time.Time) (string, error) {
	st, err := d.edge.Stats(ctx)
	if err != nil {
		return "", err
	}
	if opened := st.StreamsOpened + st.Reinits; !l.counted || opened != l.opened || st.Streams != l.streams {
		l.opened, l.streams, l.counted = opened, st.Streams, false
	}
	if !l.counted && !now.Before(l.resting) {
		began := time.Now()
		if l.rooms, err = d.edge.CountRooms(ctx); err != nil {
			return "", err
		}
		l.resting = now.Add(countingShare * time.Since(began))
		l.counted = true
	}
	text := fmt.Sprintf("%s in %s", several(l.streams, "stream"), several(l.rooms, "room"))
	if d.draining() {
		text = "draining, " + several(l.streams, "stream") + " left"
	}
	if text == l.text {
		return "", nil
	}
	l.text = text
	return text, nil
}

func several(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
