package tlsconn

import (
	"context"
	"sync"
	"time"
)

// Gate bounds how many handshakes compute at the same time, and how much of their time they may do it, so that a flood of
// them leaves the cores to the event loops. A handshake that waits for its peer's bytes holds no slot. A nil Gate bounds
// nothing.
type Gate struct {
	slots chan struct{}
	clock func() time.Time // nil: no pace

	mu sync.Mutex
	// guarded by mu
	share int       // percent of the time of all slots; 100: no bound
	owed  time.Time // the slots have rested enough for what was computed at this time
}

// NewGate returns a gate with the given number of slots; less than one counts as one.
func NewGate(slots int) *Gate { return NewPacedGate(slots, nil) }

// NewPacedGate returns a gate that can also bound the share of time; see SetShare.
func NewPacedGate(slots int, clock func() time.Time) *Gate {
	return &Gate{slots: make(chan struct{}, max(slots, 1)), clock: clock, share: 100}
}

// SetShare bounds the time that all slots together are held: percent of what there is, 100 for no bound. The slots are
// measured by the clock on the wall, so handshakes that have to wait for a processor count as if they had it: when others
// need the processors, handshakes yield.
func (g *Gate) SetShare(percent int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.share = min(max(percent, 1), 100)
}

// paceSlack is how far handshakes may run ahead of their share: a burst is not held up, only a flood.
const paceSlack = 50 * time.Millisecond

// Enter waits, within ctx, until a handshake that is no [Conn]'s may compute. It must call leave, once, before it waits for
// its peer.
func (g *Gate) Enter(ctx context.Context) (leave func(), err error) {
	select {
	case g.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if rest := g.rest(g.now()); rest > 0 {
		timer := time.NewTimer(rest)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			<-g.slots
			return nil, ctx.Err()
		}
	}
	since := g.now()
	return func() {
		g.charge(since, g.now())
		<-g.slots
	}, nil
}

// now is the clock's time, or zero without one.
func (g *Gate) now() time.Time {
	if g.clock == nil {
		return time.Time{}
	}
	return g.clock()
}

// rest is how long a slot has to stay idle before the next handshake computes.
func (g *Gate) rest(now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.clock == nil || g.share >= 100 {
		return 0
	}
	return max(0, g.owed.Add(-paceSlack).Sub(now))
}

// maxCharge bounds what one handshake can owe: what takes longer is a machine that stood still, not a computation.
const maxCharge = time.Second

// charge counts the time that a slot was held.
func (g *Gate) charge(from, to time.Time) {
	if g.clock == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.owed.Before(to) {
		g.owed = to
	}
	g.owed = g.owed.Add(min(to.Sub(from), maxCharge) * 100 / time.Duration(g.share*cap(g.slots)))
}
