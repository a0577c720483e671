package daemon

import (
	"os"
	"os/signal"
	"syscall"
)

// signals is what the process is told from outside. What finds no room in its channel is dropped (os/signal), so the two
// kinds have one each: no number of reloads that wait costs an end.
type signals struct {
	ends    chan os.Signal // SIGTERM and SIGINT: the first begins the drain, the second ends it, and more say nothing
	reloads chan os.Signal // SIGHUP: one that waits stands for all
}

func newSignals() signals {
	return signals{ends: make(chan os.Signal, 2), reloads: make(chan os.Signal, 1)}
}

// catchReloads has SIGHUP wait for serve. Before it, the process would die of one.
func (s signals) catchReloads() { signal.Notify(s.reloads, syscall.SIGHUP) }

// catchEnds has SIGTERM and SIGINT wait for serve. Before it they end the process where it stands, be it in a look-up that
// hangs. A second call changes nothing.
func (s signals) catchEnds() { signal.Notify(s.ends, syscall.SIGTERM, syscall.SIGINT) }

// release gives all of them back to the system.
func (s signals) release() {
	signal.Stop(s.ends)
	signal.Stop(s.reloads)
}
