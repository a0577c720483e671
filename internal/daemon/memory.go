package daemon

import (
	"context"
	"runtime"
	"time"

	"github.com/hassesd/hassesd/internal/edge"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/memguard"
)

// trimInterval is how often events that are too old are dropped from the history.
const trimInterval = time.Second

// memoryTarget is what the memory guard acts on.
type memoryTarget struct {
	hub  *hub.Hub
	edge *edge.Server
}

var _ memguard.Target = memoryTarget{}

// Load implements memguard.Target.
func (t memoryTarget) Load() memguard.Load {
	l := t.edge.Load()
	return memguard.Load{QueuedBytes: l.QueuedBytes, Blocked: l.Blocked}
}

// SetCredit implements memguard.Target.
func (t memoryTarget) SetCredit(bytes int64) { t.hub.SetCredit(bytes) }

// RefuseStreams implements memguard.Target.
func (t memoryTarget) RefuseStreams(refuse bool) { t.edge.RefuseStreams(refuse) }

// Shed implements memguard.Target.
func (t memoryTarget) Shed(ctx context.Context, most int) (int, error) { return t.edge.Shed(ctx, most) }

// HalveHistory implements memguard.Target.
func (t memoryTarget) HalveHistory(now time.Time) int {
	forgotten := t.hub.HalveHistory()
	trimHistory(t.hub, now)
	return forgotten
}

// runTrim drops events that are too old from the history, and keys whose time is over, until stop is
// closed.
func runTrim(h *hub.Hub, p *publishing, stop <-chan struct{}) {
	tick := time.NewTicker(trimInterval)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			trimHistory(h, now)
			p.trim()
		case <-stop:
			return
		}
	}
}

// trimHistory drops what is too old for the history and releases its memory, in steps between which
// event loops and publishers get the hub's lock.
func trimHistory(h *hub.Hub, now time.Time) {
	for h.Trim(now) {
		runtime.Gosched()
	}
}
