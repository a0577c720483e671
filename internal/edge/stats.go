package edge

import (
	"time"

	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/tlsconn"
)

// Stats is a copy of the server's counters.
type Stats struct {
	Connections, Streams int
	HTTP                 []HTTPStats // for each version of HTTP, without TLS and with it: all, always in the same order
	Peak                 int         // most connections at one time
	Limit                int         // the bound on connections
	StreamsOpened        uint64
	Reinits              uint64
	Deliveries           uint64
	FannedOutBytes       uint64
	SentBytes            uint64 // given to sockets, without what TLS adds
	Replays              hub.Replays
	Handshakes           int               // in flight
	HandshakeResults     map[string]uint64 // of those that have ended
	HandshakesResumed    uint64            // of those that are ok
	Loops                []LoopStats
	Closed               map[string]uint64
	Refused              map[string]uint64
	Records              map[string]uint64 // handshakes that succeeded, by tlsconn.Keeper
	Dropped              hub.Dropped       // events that slow streams did not get
	Timings              Timings
}

// Timings are what the workers have measured.
type Timings struct {
	Turns      Histogram     // of the event loops, without their waits
	Handshakes Histogram     // of TLS, that succeeded
	Deliveries Histogram     // of a sample of events, from their publishing until the socket had taken their last byte
	Lag        time.Duration // the longest turn of the last 15 seconds at least, or the present one if it is longer
}

// HTTPStats is what is served over one version of HTTP.
type HTTPStats struct {
	Version     string // 1.0, 1.1 or 2
	TLS         bool
	Connections int // that carry streams; over HTTP/2 also those that have none now
	Streams     int
}

// LoopStats is the load of one worker.
type LoopStats struct {
	Connections, Streams int
	Age                  time.Duration // of the figures of this loop
	Stuck                bool          // they are so old that the loop does not turn
}

// Stats adds up the figures that the workers have published. It posts to no loop, and waits at most
// settleTime for turns in progress. A stuck loop shows as stuck.
func (s *Server) Stats(now time.Time) Stats {
	late := time.NewTimer(settleTime)
	defer late.Stop()
	for _, w := range s.workers {
		w.figures.settled(late.C)
	}
	return s.Published(now)
}

// Published is Stats without waiting: it leaves out turns in progress.
func (s *Server) Published(now time.Time) Stats {
	out := Stats{
		Peak:    int(s.peak.Load()),
		Limit:   s.ConnectionLimit(),
		HTTP:    make([]HTTPStats, numKinds),
		Closed:  make(map[string]uint64, numCloseReasons),
		Refused: make(map[string]uint64, numRefuseReasons),
		Records: make(map[string]uint64, tlsconn.NumKeepers),

		HandshakeResults: make(map[string]uint64, numHandshakeResults),

		Timings: Timings{Turns: newHistogram(), Handshakes: newHistogram(), Deliveries: newHistogram()},
	}
	for k := range out.HTTP {
		out.HTTP[k].Version, out.HTTP[k].TLS = kind(k).version().String(), kind(k).secure()
	}
	for reason := range numRefuseReasons {
		out.Refused[reason.String()] += s.refused[reason].Load()
	}
	for _, w := range s.workers {
		out.add(&w.figures, now)
		out.Timings.Turns.add(&w.timings.turns)
		out.Timings.Handshakes.add(&w.timings.handshakes)
		out.Timings.Deliveries.add(&w.timings.deliveries)
	}
	return out
}

func (out *Stats) add(b *figureBoard, now time.Time) {
	f := b.latest.Load()
	age := max(0, now.Sub(f.at))
	out.Loops = append(out.Loops, LoopStats{Connections: f.connections, Streams: f.streams, Age: age, Stuck: age >= stuckAfter})
	out.Connections += f.connections
	out.Streams += f.streams
	for k, n := range f.streamsOf {
		out.HTTP[k].Streams += n
		if kind(k).version() != http20 {
			out.HTTP[k].Connections += n // each carries one
		}
	}
	out.HTTP[kindOf(http20, true)].Connections += f.http2Secure
	out.HTTP[kindOf(http20, false)].Connections += f.http2 - f.http2Secure
	out.StreamsOpened += f.streamsOpened
	out.Reinits += f.reinits
	out.Handshakes += f.handshakes
	out.Deliveries += b.volumes.deliveries.Load()
	out.FannedOutBytes += b.volumes.fannedOutBytes.Load()
	out.Dropped.Close += b.volumes.droppedClose.Load()
	out.Dropped.Oldest += b.volumes.droppedOldest.Load()
	out.Dropped.Latest += b.volumes.droppedLatest.Load()
	out.SentBytes += b.volumes.sentBytes.Load()
	out.Timings.Lag = max(out.Timings.Lag, time.Duration(b.volumes.slowestTurn.Load()), age-figuresIdle)
	out.Replays.Complete += f.replays.Complete
	out.Replays.Gap += f.replays.Gap
	out.Replays.Overtaken += f.replays.Overtaken
	out.HandshakesResumed += f.handshakesResumed
	for result := range numHandshakeResults {
		out.HandshakeResults[result.String()] += f.handshakeResults[result]
	}
	for reason := range numCloseReasons {
		out.Closed[reason.String()] += f.closed[reason]
	}
	for reason := range numRefuseReasons {
		out.Refused[reason.String()] += f.refused[reason]
	}
	for keeper, n := range f.keepers {
		out.Records[tlsconn.Keeper(keeper).String()] += n
	}
}

// LimitsInfo is the current use of the admission limits.
type LimitsInfo struct {
	Connections, Peak, ConnectionLimit int
	Handshakes, HandshakeLimit         int // in flight
	HandshakesWaiting                  int // for a slot
	Streams, StreamLimit               int // 0: no bound
	MostStreams, MostStreamsLimit      int // of one HTTP/2 connection
	MostHandshakes                     int // of one network
	MostHandshakesOf                   admission.Network
	Refused                            map[string]uint64
	FannedOutBytes                     uint64
	Admission                          admission.Stats
}

// Limits returns the current use of the limits, from the published figures and the table of
// networks. It lists at most `penalized` penalized networks.
func (s *Server) Limits(now time.Time, penalized int) LimitsInfo {
	st := s.Stats(now)
	out := LimitsInfo{
		Connections:     st.Connections,
		Peak:            st.Peak,
		ConnectionLimit: st.Limit,
		HandshakeLimit:  s.config().Handshakes,
		Streams:         int(s.streams.Load()),
		StreamLimit:     int(s.streamsMost.Load()),
		Handshakes:      st.Handshakes,
		Refused:         st.Refused,
		FannedOutBytes:  st.FannedOutBytes,
		Admission:       s.admission.Stats(now.Sub(s.start), penalized),
	}
	if cfg := s.config(); cfg.HTTP2 {
		out.MostStreamsLimit = cfg.StreamsPerConnection
	}
	most := make(map[admission.Network]int)
	for _, w := range s.workers {
		f := w.figures.latest.Load()
		out.HandshakesWaiting += f.handshakesWaiting
		out.MostStreams = max(out.MostStreams, f.mostStreams)
		if f.mostHandshakes > 0 {
			most[f.mostHandshakesOf] += f.mostHandshakes
		}
	}
	for n, running := range most {
		if running > out.MostHandshakes {
			out.MostHandshakesOf, out.MostHandshakes = n, running
		}
	}
	return out
}

// Load is the memory that streams make the daemon and the kernel hold.
type Load struct {
	QueuedBytes int64 // has still to be sent; streams share the events, so this is not memory
	Blocked     int   // connections whose client does not take what the kernel holds for it
}

// Load returns the load at the end of each loop's last turn. It costs next to nothing.
func (s *Server) Load() Load {
	var l Load
	for _, w := range s.workers {
		l.QueuedBytes += w.figures.volumes.queuedBytes.Load()
		l.Blocked += int(w.figures.volumes.blocked.Load())
	}
	return l
}
