package daemon

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/hassesd/hassesd/internal/reactor"
)

// beatsPerWatchdog is how often a loop beats in the time after which the service manager gives the daemon up. A round
// takes two beats at the most, so the manager hears from healthy loops twice as often as it must.
const beatsPerWatchdog = 4

// pulse feeds the watchdog from the event loops and from nowhere else: each loop beats by a timer of its own, and the
// one whose beat completes a round feeds. A loop that does not turn is missed, whatever the others do.
type pulse struct {
	// Fixed after creation.
	interval time.Duration
	feed     func() // called on a loop
	beats    []*beat

	// Shared by the loops; each safe by itself.
	round   atomic.Uint64 // from 1
	missing atomic.Int64  // loops that have not beaten in this round
}

// beat is a loop's part.
type beat struct {
	// Fixed after creation.
	pulse *pulse
	loop  *reactor.Loop

	// Owned by the loop.
	timer reactor.Timer
	last  uint64 // round in which it has beaten
}

func newPulse(loops []*reactor.Loop, interval time.Duration, feed func()) *pulse {
	p := &pulse{interval: interval, feed: feed}
	p.round.Store(1)
	p.missing.Store(int64(len(loops)))
	for _, l := range loops {
		p.beats = append(p.beats, &beat{pulse: p, loop: l})
	}
	return p
}

// start has each loop beat for the first time. One that has ended already is missed for ever, and one that is busy is
// waited for: the start is not over before. It must not be called on a loop.
func (p *pulse) start() {
	for _, b := range p.beats {
		_ = b.loop.PostWait(context.Background(), func() { b.HandleTimer(&b.timer, b.loop.Now()) })
	}
}

// HandleTimer implements reactor.TimerHandler: the loop turns.
func (b *beat) HandleTimer(_ *reactor.Timer, now time.Time) {
	p := b.pulse
	b.loop.Schedule(&b.timer, b, now.Add(p.interval))
	round := p.round.Load()
	if b.last == round {
		return
	}
	b.last = round
	if p.missing.Add(-1) > 0 {
		return
	}
	// Everybody has beaten, so nobody counts before the next round has begun.
	p.missing.Store(int64(len(p.beats)))
	p.round.Add(1)
	p.feed()
}
