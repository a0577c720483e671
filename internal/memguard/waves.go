package memguard

import (
	"runtime/debug"
	"time"
)

// A wave of handshakes leaves about as much garbage as live memory, and the collector lets the heap
// double before it runs again: 14.4 KiB are resident per idle stream where 6 KiB are live. So once
// the number of connections has changed a lot and settled, the garbage is collected and the pages
// are returned to the system. That costs one concurrent collection, about 50 ms of one CPU with
// 10,000 streams, at most once per wave.
const (
	settleInterval = 2 * time.Second
	// settleLeast is the smallest wave worth a collection.
	settleLeast = 256
	// settlePart is the same as a part of the connections before the wave: one in so many.
	settlePart = 8
)

// settler notices the end of a wave of connections.
type settler struct {
	settled int // connections when memory was last returned
	last    int // connections at the previous check
}

// isOver is called every settleInterval with the number of connections and reports whether a wave
// has just ended.
func (s *settler) isOver(connections int) bool {
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

// ReleaseAfterWaves returns memory to the system after each wave of connections, until stop is
// closed.
func ReleaseAfterWaves(stop <-chan struct{}, connections func() int) {
	tick := time.NewTicker(settleInterval)
	defer tick.Stop()
	var waves settler
	for {
		select {
		case <-tick.C:
			if waves.isOver(connections()) {
				debug.FreeOSMemory()
			}
		case <-stop:
			return
		}
	}
}
