package supervise

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/hassesd/hassesd/internal/reactor"
)

// checksPerWatchdog is how often each loop checks in during the manager's timeout. A round takes at
// most two checks, so the manager hears from healthy loops twice as often as it must.
const checksPerWatchdog = 4

// watchdog pings the service manager from the event loops and from nowhere else: each loop checks
// in by a timer of its own, and the loop whose check completes a round pings. So a single loop that
// does not turn is missed.
type watchdog struct {
	// Fixed after creation.
	interval time.Duration
	ping     func() // called on a loop
	loops    []*watchedLoop

	// Shared by the loops; each safe by itself.
	round   atomic.Uint64 // from 1
	missing atomic.Int64  // loops that have not checked in during this round
}

// watchedLoop is the part of one loop.
type watchedLoop struct {
	// Fixed after creation.
	watchdog *watchdog
	loop     *reactor.Loop

	// Owned by the loop.
	timer reactor.Timer
	round uint64 // the last in which it has checked in
}

func newWatchdog(loops []*reactor.Loop, interval time.Duration, ping func()) *watchdog {
	w := &watchdog{interval: interval, ping: ping}
	w.round.Store(1)
	w.missing.Store(int64(len(loops)))
	for _, l := range loops {
		w.loops = append(w.loops, &watchedLoop{watchdog: w, loop: l})
	}
	return w
}

// start has each loop check in for the first time. It waits for a busy loop; a loop that has ended
// stays missing for ever. It must not be called on a loop.
func (w *watchdog) start() {
	for _, l := range w.loops {
		_ = l.loop.PostWait(context.Background(), func() { l.HandleTimer(&l.timer, l.loop.Now()) })
	}
}

// HandleTimer implements reactor.TimerHandler: the loop turns.
func (l *watchedLoop) HandleTimer(_ *reactor.Timer, now time.Time) {
	w := l.watchdog
	l.loop.Schedule(&l.timer, l, now.Add(w.interval))
	round := w.round.Load()
	if l.round == round {
		return
	}
	l.round = round
	if w.missing.Add(-1) > 0 {
		return
	}
	// All loops have checked in, so none counts before the next round has begun.
	w.missing.Store(int64(len(w.loops)))
	w.round.Add(1)
	w.ping()
}
