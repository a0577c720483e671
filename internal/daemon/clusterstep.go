package daemon

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/hassesd/hassesd/internal/edge"
	"github.com/hassesd/hassesd/internal/eventlog/jetstream"
)

const (
	// awayGrace is how long the log may be out of reach before new streams are deferred: a
	// connection to another broker takes less.
	awayGrace = time.Second
	// awayTick is how often the state of the log is looked at.
	awayTick = 100 * time.Millisecond
	// loopsTimeout bounds one wait for the loops.
	loopsTimeout = 10 * time.Second
)

// run follows the log until stop is closed, and keeps the streams in step with it. A daemon of its
// own does not call it.
func (c *cluster) run(stop <-chan struct{}) {
	ctx, cancel := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	parts.Go(func() { c.events.Run(ctx) })
	parts.Go(func() { c.keepInStep(ctx) })
	parts.Go(func() { c.carryOutKicks(ctx) })
	<-stop
	c.events.Close()
	cancel()
	parts.Wait()
}

// keepInStep looks at the state of the log until ctx ends.
func (c *cluster) keepInStep(ctx context.Context) {
	tick := time.NewTicker(awayTick)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			c.look(ctx, now)
		case <-ctx.Done():
			return
		}
	}
}

// look defers new streams while the log is out of reach, and after cluster.patience sends away
// those that are open, over drain.window.
func (c *cluster) look(ctx context.Context, now time.Time) {
	st := c.events.Status()
	away := now.Sub(st.AwaySince)
	was := c.isAway.Load()
	if isAway := !st.Ready && (was || away >= awayGrace); isAway != was {
		c.setAway(isAway)
	}
	if st.Ready || away < c.settings().Cluster.Patience {
		c.sending = false
		return
	}
	if !c.sending {
		c.sending, c.sendFrom, c.sent = true, now, 0
		c.sendAll = c.streams.Stats(now).Streams
		if c.sendAll > 0 {
			c.log.Warn("the cluster's log is out of reach for too long; streams are ended so that they find another node", "streams", c.sendAll, "for", away.Round(time.Second))
		}
	}
	due := math.MaxInt
	if window := c.settings().Drain.Window; now.Sub(c.sendFrom) < window {
		due = int(math.Ceil(float64(c.sendAll)*float64(now.Sub(c.sendFrom)+awayTick)/float64(window))) - c.sent
	}
	if due <= 0 {
		return
	}
	asking, cancel := context.WithTimeout(ctx, loopsTimeout)
	defer cancel()
	n, err := c.streams.SendAway(asking, due)
	if err != nil && ctx.Err() == nil {
		c.log.Warn("the loops are slow to end streams", "err", err)
	}
	c.sent += n
}

// carryOutKicks carries out the kicks of the cluster, one after the other, until ctx ends. A slow one
// delays the next, and nothing else.
func (c *cluster) carryOutKicks(ctx context.Context) {
	for {
		select {
		case k := <-c.kicks:
			c.kick(ctx, k)
		case <-ctx.Done():
			return
		}
	}
}

func (c *cluster) kick(ctx context.Context, k jetstream.Kick) {
	asking, cancel := context.WithTimeout(ctx, loopsTimeout)
	defer cancel()
	n, err := c.streams.Kick(asking, edge.Selection{ID: k.ID, Room: k.Room, All: k.All}, k.Refuse)
	if err != nil && ctx.Err() == nil {
		c.log.Warn("the loops are slow to kick", "err", err)
	}
	c.log.Info("streams kicked by the cluster", "id", k.ID, "room", k.Room, "all", k.All, "streams", n, "refuse", k.Refuse)
}
