package edge

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

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

// ClientInfo is a copy of one connection's particulars.
type ClientInfo struct {
	Conn       uint64
	ID         string
	Peer       netip.AddrPort
	State      string
	Version    uint16 // TLS version; 0 without TLS or before the handshake is done
	Cipher     uint16
	Age        time.Duration
	StreamAge  time.Duration // 0 before the stream is open
	Rooms      []string
	All        bool
	Sent       uint64
	QueueBytes int // not written to the socket
	// KernelBytes were written and are not acknowledged by the peer.
	KernelBytes int
	Dropped     uint64 // events that limits.slow took from it
	Reinits     uint64
	Agent       string
}

// ClientFilter selects connections; empty fields select all.
type ClientFilter struct {
	Room string
	ID   string
	Addr string // an address, or address:port
}

// clientsPerTurn is how many connections one turn copies out, so that a long list does not hold up delivery.
const clientsPerTurn = 256

// Clients copies out the connections that match, in no particular order.
func (s *Server) Clients(ctx context.Context, f ClientFilter) ([]ClientInfo, error) {
	var out []ClientInfo
	for _, w := range s.workers {
		next := -1
		for next != 0 {
			if err := w.ask(ctx, func() { next = w.copyClients(next, f, &out) }); err != nil {
				return nil, err
			}
		}
	}
	// A connection that moved to a freed place while the list was walked downwards was copied twice.
	slices.SortFunc(out, func(a, b ClientInfo) int { return cmpUint64(a.Conn, b.Conn) })
	return slices.CompactFunc(out, func(a, b ClientInfo) bool { return a.Conn == b.Conn }), nil
}

func cmpUint64(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// copyClients copies the connections below end, downwards, and answers where to go on; -1 begins, 0 is the end. New
// connections come in above, closed ones move a copied one down: none is missed.
func (w *worker) copyClients(end int, f ClientFilter, out *[]ClientInfo) int {
	if end < 0 || end > len(w.conns) {
		end = len(w.conns)
	}
	stop := max(0, end-clientsPerTurn)
	now := w.now()
	for i := end - 1; i >= stop; i-- {
		if c := w.conns[i]; f.matches(c) {
			*out = append(*out, c.info(now))
		}
	}
	return stop
}

func (f ClientFilter) matches(c *conn) bool {
	if f.ID != "" && c.stream.ClientID() != f.ID {
		return false
	}
	if f.Room != "" && !slices.Contains(c.stream.Rooms(), f.Room) {
		return false
	}
	return f.Addr == "" || c.peer.String() == f.Addr || c.peer.Addr().String() == strings.Trim(f.Addr, "[]")
}

func (c *conn) info(now time.Duration) ClientInfo {
	i := ClientInfo{
		Conn:       c.id,
		ID:         c.stream.ClientID(),
		Peer:       c.peer,
		State:      c.state.String(),
		Age:        now - c.acceptedAt,
		Rooms:      c.stream.Rooms(),
		All:        c.stream.All(),
		Sent:       c.sent + c.stream.Sent(),
		QueueBytes: c.unwritten(),
		Dropped:    c.stream.Dropped(),
		Reinits:    c.reinits,
		Agent:      c.agent,
	}
	if c.state == stateStreaming || c.state == stateDraining && c.streamAt > 0 {
		i.StreamAge = now - c.streamAt
		if n, err := c.src.Unsent(); err == nil { // asked on demand: a system call for each stream
			i.KernelBytes = n
		}
	}
	if t, ok := c.wire.(interface {
		Version() uint16
		CipherSuite() uint16
	}); ok && c.secure && c.state != stateHandshaking { // the handshake goroutine owns it until it is done
		i.Version, i.Cipher = t.Version(), t.CipherSuite()
	}
	return i
}

// unwritten is what of the connection's plaintext, and of its sealed records, has not been written to the socket.
func (c *conn) unwritten() int {
	n := c.stream.QueueBytes() + len(c.front) + len(c.tail)
	if c.wire != nil && c.state != stateHandshaking { // the handshake goroutine owns it until it is done
		n += c.wire.Pending()
	}
	return n
}

// roomsPerTurn is how many rooms one turn copies out.
const roomsPerTurn = 1024

// Rooms counts the streams of each room whose name begins with prefix.
func (s *Server) Rooms(ctx context.Context, prefix string) (map[string]int, error) {
	out := make(map[string]int)
	for _, w := range s.workers {
		after, more := "", true
		for more {
			var page []roomCount
			if err := w.ask(ctx, func() { page = w.copyRooms(prefix, after) }); err != nil {
				return nil, err
			}
			for _, r := range page {
				out[r.room] += r.streams
				after = r.room
			}
			more = len(page) == roomsPerTurn
		}
	}
	return out, nil
}

type roomCount struct {
	room    string
	streams int
}

// copyRooms copies the rooms behind after, a turn's worth of them.
func (w *worker) copyRooms(prefix, after string) []roomCount {
	var page []roomCount
	w.shard.RoomsPrefix(prefix, after, func(room string, streams int) bool {
		page = append(page, roomCount{room, streams})
		return len(page) < roomsPerTurn
	})
	return page
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
