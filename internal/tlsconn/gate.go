package tlsconn

import (
	"context"
	"sync"
	"time"
)

// Gate bounds how many handshakes compute at the same time, and their share of CPU time, so that a
// flood of handshakes leaves the cores to the event loops. A handshake that waits for its peer's
// bytes holds no slot. A nil Gate bounds nothing.
type Gate struct {
	slots chan struct{}
	clock func() time.Time // nil: no bound on time

	mu sync.Mutex
	// guarded by mu
	share int       // percent of the time of all slots; 100: no bound
	owed  time.Time // when the slots will have been idle long enough for the time they were held
}

// NewGate returns a gate with the given number of slots, at least one. Without a clock, SetShare
// has no effect.
func NewGate(slots int, clock func() time.Time) *Gate {
	return &Gate{slots: make(chan struct{}, max(slots, 1)), clock: clock, share: 100}
}

// SetShare bounds the time for which all slots together are held, in percent; 100 means no bound.
// The gate measures wall-clock time, so a handshake that waits for a processor counts as if it had
// one. So handshakes yield when others need the processors.
func (g *Gate) SetShare(percent int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.share = min(max(percent, 1), 100)
}

// paceSlack is how far handshakes may exceed their share, so that only a flood is delayed and not a
// burst.
const paceSlack = 50 * time.Millisecond

// Enter waits until a handshake that does not belong to a [Conn] may compute, or until ctx ends.
// The caller must call leave once, before it waits for its peer. Half of the time is charged on top:
// such a connection is served by goroutines, whose wake-ups cost the processors that much more than
// an event loop does.
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
		now := g.now()
		g.charge(since.Add(-now.Sub(since)/2), now)
		<-g.slots
	}, nil
}

// now returns the clock's time, or zero without a clock.
func (g *Gate) now() time.Time {
	if g.clock == nil {
		return time.Time{}
	}
	return g.clock()
}

// rest returns how long a slot must stay idle before the next handshake computes.
func (g *Gate) rest(now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.clock == nil || g.share >= 100 {
		return 0
	}
	return max(0, g.owed.Add(-paceSlack).Sub(now))
}

// maxCharge bounds the time charged for one handshake. If one takes longer, the machine was
// suspended or stalled.
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
