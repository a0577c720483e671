package api

import "time"

// Figures are what the daemon knows of itself at one moment: a copy of snapshots and counters that
// their owners publish. Whatever shows the daemon's state reads these. Maps are keyed by the members
// of a closed set, and have all of them.
type Figures struct {
	At        time.Time
	StartedAt time.Time
	Version   string
	Draining  bool

	// Connections and streams.
	Connections     int // now
	ConnectionsPeak int
	ConnectionsMax  int
	Streams         []StreamFigures // now: of each version of HTTP, without TLS and with it
	StreamsOpened   uint64
	StreamsClosed   map[string]uint64 // connections and streams that ended, by reason
	RequestsRefused map[string]uint64 // connections and requests, by reason
	Rooms           int               // that streams have named; a moment old

	// TLS handshakes.
	Handshakes        int               // in flight
	HandshakeResults  map[string]uint64 // of those that have ended
	HandshakesResumed uint64            // of those that are ok
	HandshakeTimes    Histogram         // of those that are ok
	TLSRecords        map[string]uint64 // of those that are ok, by who has kept the records

	// Messages and events.
	Published      map[string]uint64 // messages, by door
	PublishRefused map[string]uint64 // by reason
	PublishHeld    uint64            // messages that had to wait for limits.publish_rate or publish_bytes
	EventsSent     uint64            // given to streams
	SentBytes      uint64            // given to sockets, without what TLS adds
	DeliveryTimes  Histogram         // of a sample of events, from their publishing until the socket had taken their last byte
	EventsDropped  map[string]uint64 // that slow streams did not get, by policy
	QueueBytes     int64             // waiting in the queues of all streams
	BlockedStreams int               // whose client does not take what the kernel holds for it
	Replays        map[string]uint64 // streams that resumed, by result
	HistoryEvents  int
	HistoryBytes   int64
	HistoryAge     time.Duration // of the oldest event
	LastEventID    string

	// The cluster.
	Cluster *ClusterFigures // nil: a daemon of its own

	// The daemon.
	Loops          []LoopFigures
	LoopTurns      Histogram     // of all loops, without their waits
	LoopLag        time.Duration // the longest turn of the last 15 seconds at least, or the present one if it is longer
	Certificates   []CertificateFigures
	ACMEOrders     map[string]uint64 // by result
	Reloads        map[string]uint64 // of the configuration, by result
	Memory         MemoryFigures
	LogRecordsLost uint64
	RefusedAtAPI   map[string]uint64 // connections and requests at api.listen, by reason
	ControlRefused map[string]uint64 // commands and connections of the control protocol, by reason; has those that occurred
}

// Histogram is a distribution of durations.
type Histogram struct {
	Bounds []time.Duration // upper ends of the buckets, ascending
	Counts []uint64        // of each bucket alone; one more than Bounds, the last without an upper end
	Sum    time.Duration
}

// StreamFigures are the streams over one version of HTTP.
type StreamFigures struct {
	HTTP    string // 1.0, 1.1 or 2
	TLS     bool
	Streams int
}

// ClusterFigures are those of a daemon that shares its log with others.
type ClusterFigures struct {
	Name         string
	Node         string // the name of this one
	Server       string // the broker that it is connected to, without user and password
	Ready        bool   // the log is followed
	Problem      string // why it is not; empty if it is
	LagRecords   uint64
	Lag          time.Duration
	EpochChanges uint64
	Gaps         uint64
	// ConnectFailures counts attempts to connect to the brokers by why they failed; it has all
	// reasons.
	ConnectFailures map[string]uint64
	Appends         Histogram
}

// LoopFigures are the load of one event loop.
type LoopFigures struct {
	Connections, Streams int
	Stuck                bool // it has not turned for seconds
}

// CertificateFigures are one certificate that is served.
type CertificateFigures struct {
	Name     string // the first of its names
	NotAfter time.Time
}

// MemoryFigures are the memory budget and what is used of it.
type MemoryFigures struct {
	Pressure    int    // 0: none; see PressureName
	PressureIs  string // its name
	UsedBytes   int64
	PeakBytes   int64
	BudgetBytes int64
	KernelBytes int64 // estimated, in buffers for slow clients
	StreamsShed uint64
}
