package supervise

import (
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/hassesd/hassesd/internal/reactor"
	"github.com/hassesd/hassesd/internal/systemd"
)

const (
	// stopExtension is how much more time the daemon asks for at once while streams end: enough for
	// several status checks, and for the last steps of a stop.
	stopExtension = 60 * time.Second
	// forgetTimeout bounds the wait for the service manager to close sockets that it has stored.
	forgetTimeout = 5 * time.Second
)

// Manager is the service manager that started the process, if one did. All methods may be called
// from any goroutine once LogTo has been called.
type Manager struct {
	// Fixed once LogTo has been called.
	notifier *systemd.Notifier // nil: nobody listens
	watchdog time.Duration     // 0: nobody watches
	dialErr  error             // why there is no notifier although there should be one
	log      *slog.Logger

	isStopping atomic.Bool
	isFailing  atomic.Bool // the last message could not be sent
}

// New makes a manager that is not there.
func New() *Manager { return &Manager{log: slog.New(slog.DiscardHandler)} }

// Meet takes what the service manager hands over, as the environment env describes it for the
// process pid. The caller closes both results. The socket of a notification is optional: the
// variable may be a leftover of another process.
func Meet(env []string, pid int) (*Manager, Sockets, error) {
	service, err := systemd.Inherit(env, pid)
	if err != nil {
		return nil, nil, fmt.Errorf("service manager: %w", err)
	}
	m := New()
	m.watchdog = service.Watchdog
	if service.NotifySocket != "" {
		m.notifier, m.dialErr = systemd.Dial(service.NotifySocket)
	}
	sockets, err := NewSockets(service.Sockets)
	return m, sockets, err
}

// LogTo sets the log for everything that goes wrong with the manager.
func (m *Manager) LogTo(log *slog.Logger) {
	m.log = log
	if m.dialErr != nil {
		m.log.Warn("the service manager cannot be told how the daemon is doing", "err", m.dialErr)
	}
}

// Close ends the connection to the manager.
func (m *Manager) Close() error { return m.notifier.Close() }

// IsPresent reports whether a service manager listens.
func (m *Manager) IsPresent() bool { return m.notifier != nil }

// Ready tells the manager that the start is over.
func (m *Manager) Ready() { m.tell(systemd.Ready) }

// Failed tells the manager why the daemon cannot start.
func (m *Manager) Failed(err error) { m.tell(systemd.Status("cannot start: " + err.Error())) }

// Extend asks the manager for more time for the start or the stop that is under way.
func (m *Manager) Extend(by time.Duration) { m.tell(systemd.ExtendTimeout(by)) }

// Reloading tells the manager that a reload begins, and returns the function that tells it the end.
// Neither says anything once the stop has begun.
func (m *Manager) Reloading() (done func()) {
	if m.isStopping.Load() {
		return func() {}
	}
	m.tell(systemd.Reloading(systemd.Monotonic()))
	return func() {
		if !m.isStopping.Load() {
			m.tell(systemd.Ready)
		}
	}
}

// Stopping tells the manager that the stop begins.
func (m *Manager) Stopping() {
	m.isStopping.Store(true)
	m.tell(systemd.Stopping, systemd.ExtendTimeout(stopExtension), systemd.Status("draining"))
}

// WatchLoops pings the manager's watchdog while all of the loops turn. It returns when each has
// turned once, so it must not be called on a loop.
func (m *Manager) WatchLoops(loops []*reactor.Loop) {
	if m.IsPresent() && m.watchdog > 0 {
		newWatchdog(loops, m.watchdog/checksPerWatchdog, m.ping).start()
	}
}

// ping tells the watchdog that all loops have turned. It is called on a loop and never waits: a
// busy manager is told the next time.
func (m *Manager) ping() {
	if err := m.notifier.TryNotify(systemd.Alive); !errors.Is(err, systemd.ErrBusy) {
		m.report("feed the watchdog", err)
	}
}

// Store has the manager keep a socket that this process has opened: after a crash, and during a
// restart, connections then wait for the next process instead of being refused. It reports whether
// the manager was told.
func (m *Manager) Store(name string, fd int) bool {
	err := m.notifier.Store(storedPrefix+name, fd)
	m.report("keep a socket", err)
	return err == nil
}

// Discard gives up stored sockets that are not wanted any more, here and at the manager, before the
// caller opens something else in their place.
func (m *Manager) Discard(sockets []*Socket) {
	if len(sockets) == 0 {
		return
	}
	for _, s := range sockets {
		m.log.Info("socket kept over the restart is not wanted any more", "name", s.Name)
		s.close()
		m.report("forget a socket", m.notifier.Remove(s.FullName()))
	}
	m.report("forget sockets", m.Barrier(forgetTimeout))
}

// Forget undoes every Store: an administrator who drains the daemon wants its clients to go
// elsewhere, not to wait.
func (m *Manager) Forget() {
	for _, name := range socketNames {
		err := m.notifier.Remove(storedPrefix + name)
		m.report("forget sockets", err)
		if errors.Is(err, systemd.ErrBusy) {
			return // each attempt waits a second
		}
	}
}

// Barrier waits, up to limit, until the manager has acted on everything that it was told.
func (m *Manager) Barrier(limit time.Duration) error { return m.notifier.Barrier(limit) }

// tell sends states to the manager. A failure is logged and changes nothing else.
func (m *Manager) tell(states ...systemd.State) {
	m.report("tell the service manager", m.notifier.Notify(states...))
}

// report logs that something could not be done, once until it succeeds again.
func (m *Manager) report(what string, err error) {
	switch {
	case err == nil:
		m.isFailing.Store(false)
	case !m.isFailing.Swap(true):
		m.log.Warn("the service manager does not listen", "doing", what, "err", err)
	}
}
