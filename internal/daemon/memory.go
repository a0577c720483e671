package daemon

import (
	"runtime"
	"runtime/debug"
	"time"

	"github.com/hassesd/hassesd/internal/hub"
)

// A wave of handshakes leaves garbage of about the size of what lives on, and the collector lets the heap grow to twice
// that before it looks again: 14.4 KiB resident per idle stream where 6 KiB are live. So when the number of connections
// has changed much and has come to rest, the garbage is collected once and the pages are given back. It costs a
// concurrent collection, about 50 ms of one CPU with 10,000 streams, and happens at most once a wave.
const (
	settleInterval = 2 * time.Second
	// settleLeast is the smallest wave worth it.
	settleLeast = 256
	// settlePart is the smallest wave worth it, as a part of what was there before: one in so many.
	settlePart = 8
)

// settler notices the end of a wave of connections.
type settler struct {
	settled int // connections when memory was last given back
	last    int // connections at the look before
}

// look is told the number of connections every settleInterval and answers whether a wave is over.
func (s *settler) look(connections int) bool {
	resting := abs(connections-s.last) <= max(connections/64, 8)
	s.last = connections
	if !resting || abs(connections-s.settled) < max(settleLeast, s.settled/settlePart) {
		return false
	}
	s.settled = connections
	return true
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}

// trimHistory drops what is too old for the history and gives its memory back, in steps between which loops and publishers
// get the hub's lock.
func trimHistory(h *hub.Hub, now time.Time) {
	for h.Trim(now) {
		runtime.Gosched()
	}
}

// housekeep does what is due now and then, until stop is closed.
func (d *Daemon) housekeep(stop <-chan struct{}) {
	trim := time.NewTicker(trimInterval)
	defer trim.Stop()
	settle := time.NewTicker(settleInterval)
	defer settle.Stop()
	var waves settler
	for {
		select {
		case now := <-trim.C:
			trimHistory(d.hub, now)
		case <-settle.C:
			if waves.look(d.edge.Connections()) {
				debug.FreeOSMemory()
			}
		case <-stop:
			return
		}
	}
}
