package edge

import (
	"context"

	"github.com/hassesd/hassesd/internal/hub"
)

// ask runs fn on the worker's loop and waits until it is done, within ctx.
func (w *worker) ask(ctx context.Context, fn func()) error {
	done := make(chan struct{})
	if err := w.loop.PostWait(ctx, func() { fn(); close(done) }); err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Stats is a copy of the server's counters.
type Stats struct {
	Connections, Streams int
	Peak                 int // most connections at one time
	Limit                int // the bound on connections in force
	StreamsOpened        uint64
	Reinits              uint64
	Deliveries           uint64
	FannedOutBytes       uint64
	Loops                []LoopStats
	Closed               map[string]uint64
	Refused              map[string]uint64
	Dropped              hub.Dropped // events that slow streams did not get
}

// LoopStats is the load of one worker.
type LoopStats struct{ Connections, Streams int }

// Stats asks every worker for its counters.
func (s *Server) Stats(ctx context.Context) (Stats, error) {
	out := Stats{
		Peak:    int(s.peak.Load()),
		Limit:   s.ConnectionLimit(),
		Closed:  make(map[string]uint64),
		Refused: make(map[string]uint64),
	}
	for reason := range numRefuseReasons {
		out.Refused[reason.String()] += s.refused[reason].Load()
	}
	for _, w := range s.workers {
		if err := w.ask(ctx, func() { w.addStats(&out) }); err != nil {
			return Stats{}, err
		}
	}
	shed, err := s.shed(ctx)
	out.Refused[RefusedDescriptors.String()] += shed
	return out, err
}

func (w *worker) addStats(out *Stats) {
	l := LoopStats{Connections: len(w.conns), Streams: w.inState[stateStreaming]}
	out.Loops = append(out.Loops, l)
	out.Connections += l.Connections
	out.Streams += l.Streams
	out.StreamsOpened += w.streamsOpened
	out.Reinits += w.reinits
	out.Deliveries += w.deliveries
	out.FannedOutBytes += w.shard.FannedOutBytes()
	dropped := w.shard.Dropped()
	out.Dropped.Close += dropped.Close
	out.Dropped.Oldest += dropped.Oldest
	out.Dropped.Latest += dropped.Latest
	for reason := range numCloseReasons {
		out.Closed[reason.String()] += w.closed[reason]
	}
	for reason := range numRefuseReasons {
		out.Refused[reason.String()] += w.refused[reason]
	}
}

// unwritten is what of the connection's plaintext, and of its sealed records, has not been written to the socket.
func (c *conn) unwritten() int {
	n := c.stream.QueueBytes() + len(c.front) + len(c.tail)
	if c.wire != nil && c.state != stateHandshaking { // the handshake goroutine owns it until it is done
		n += c.wire.Pending()
	}
	return n
}

// Count answers how many connections and streams there are or, with a room, how many streams named it.
func (s *Server) Count(ctx context.Context, room string) (connections, streams int, err error) {
	for _, w := range s.workers {
		var c, n int
		err := w.ask(ctx, func() {
			c, n = len(w.conns), w.inState[stateStreaming]
			if room != "" {
				n = w.shard.RoomCount(room)
			}
		})
		if err != nil {
			return 0, 0, err
		}
		connections += c
		streams += n
	}
	return connections, streams, nil
}

var _ hub.Owner = (*conn)(nil)
