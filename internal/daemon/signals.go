package daemon

import (
	"os"
	"os/signal"
	"syscall"
)

// signals are those that the process acts on. os/signal drops what finds no room in its channel, so
// the two kinds have one each: no number of pending reloads costs a stop.
type signals struct {
	ends    chan os.Signal // SIGTERM and SIGINT: the first begins the drain, the second ends it, and further ones are ignored
	reloads chan os.Signal // SIGHUP: one that is pending stands for all
}

func newSignals() signals {
	return signals{ends: make(chan os.Signal, 2), reloads: make(chan os.Signal, 1)}
}

// catchReloads keeps SIGHUP for serve. Otherwise it would end the process.
func (s signals) catchReloads() { signal.Notify(s.reloads, syscall.SIGHUP) }

// catchEnds keeps SIGTERM and SIGINT for serve. Until it is called they end the process at once,
// even in a lookup that hangs. A second call changes nothing.
func (s signals) catchEnds() { signal.Notify(s.ends, syscall.SIGTERM, syscall.SIGINT) }

// release restores the default action of all of them.
func (s signals) release() {
	signal.Stop(s.ends)
	signal.Stop(s.reloads)
}
