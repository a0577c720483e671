package daemon

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/edge"
	"github.com/hassesd/hassesd/internal/eventlog/jetstream"
)

// slowStreams have loops that never come to a kick.
type slowStreams struct {
	open     int
	kicking  atomic.Bool
	deferred atomic.Bool
	sent     atomic.Int64
}

func (s *slowStreams) Stats(time.Time) edge.Stats { return edge.Stats{Streams: s.open} }

func (s *slowStreams) DeferStreams(away bool) { s.deferred.Store(away) }

func (s *slowStreams) SendAway(_ context.Context, most int) (int, error) {
	n := min(most, s.open-int(s.sent.Load()))
	s.sent.Add(int64(n))
	return n, nil
}

func (s *slowStreams) Kick(ctx context.Context, _ edge.Selection, _ time.Duration) (int, error) {
	s.kicking.Store(true)
	<-ctx.Done()
	return 0, ctx.Err()
}

// TestASlowKickDelaysNothingElse: while a kick waits for the loops, the log is lost, and the streams
// are deferred and ended in time all the same.
func TestASlowKickDelaysNothingElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		settings := config.Defaults()
		settings.Cluster.Patience, settings.Drain.Window = 5*time.Second, time.Second
		streams := &slowStreams{open: 100}
		c := &cluster{
			log: slog.New(slog.DiscardHandler), settings: func() *config.Settings { return &settings }, streams: streams,
			events: jetstream.New(jetstream.Options{Name: "t", Now: time.Now, Logger: slog.New(slog.DiscardHandler)}), // nobody runs it: it is never ready
			kicks:  make(chan jetstream.Kick, 1),
		}
		ctx, cancel := context.WithCancel(t.Context())
		go c.keepInStep(ctx)
		go c.carryOutKicks(ctx)
		c.kicks <- jetstream.Kick{All: true}
		<-time.After(2 * time.Second)
		synctest.Wait()
		if !streams.kicking.Load() || !streams.deferred.Load() {
			t.Errorf("a kick waits: %v; new streams are deferred: %v", streams.kicking.Load(), streams.deferred.Load())
		}
		if got := streams.sent.Load(); got != 100 {
			t.Errorf("%d of 100 streams were sent away while a kick waited", got)
		}
		cancel()
		synctest.Wait() // both end, the kick included
	})
}
