package api

import (
	"time"
)

// Status is the result of "status". Counters only grow while the process lives.
type Status struct {
	Version            string            `json:"version"`
	PID                int               `json:"pid"`
	UID                int               `json:"uid"`
	User               string            `json:"user"`
	StartedAt          time.Time         `json:"started_at"`
	UptimeSeconds      float64           `json:"uptime_seconds"`
	Mode               string            `json:"mode"`      // https, http or mixed
	LogLevel           string            `json:"log_level"` // quiet, normal, debug
	LogRecordsLost     uint64            `json:"log_records_lost"`
	Reinit             bool              `json:"reinit"`
	Draining           bool              `json:"draining"`
	Connections        int               `json:"connections"`
	Streams            int               `json:"streams"`
	HTTP               []HTTPStatus      `json:"http,omitempty"`
	ConnectionsMax     int               `json:"connections_max"`  // the present bound
	ConnectionsPeak    int               `json:"connections_peak"` // the most at one time so far
	HandshakesTotal    uint64            `json:"handshakes_total"` // streams opened (hasses: "handshaked" clients)
	ReinitsTotal       uint64            `json:"reinits_total"`
	MessagesTotal      uint64            `json:"messages_total"`   // accepted from publishers
	DeliveriesTotal    uint64            `json:"deliveries_total"` // events written to streams
	CommandErrorsTotal uint64            `json:"command_errors_total"`
	Epoch              string            `json:"epoch"`
	LastEventID        string            `json:"last_event_id"`
	History            HistoryStatus     `json:"history"`
	Loops              []LoopStatus      `json:"loops"`
	Closed             map[string]uint64 `json:"closed"`  // connections ended, by reason
	Refused            map[string]uint64 `json:"refused"` // requests and commands refused, by reason

	// TLS connections of subscribers since the start, by who has kept their records after the
	// handshake: handed_over, or the reason why it was crypto/tls.
	TLSRecords map[string]uint64 `json:"tls_records,omitempty"`

	Memory *MemoryStatus `json:"memory,omitempty"`

	Cluster *ClusterStatus `json:"cluster,omitempty"` // nil: the daemon is on its own

	// Events that slow streams did not get, by the policy of limits.slow that took them.
	Dropped map[string]uint64 `json:"dropped,omitempty"`

	// What hasses' status text shows besides.
	CertFile   string   `json:"cert_file,omitempty"`
	KeyFile    string   `json:"key_file,omitempty"`
	CORSOrigin []string `json:"cors_origins,omitempty"`
	Compiled   string   `json:"compiled,omitempty"` // Go version and platform
	Listen     []string `json:"listen,omitempty"`   // the addresses really bound

	Nodes *NodesAsked `json:"nodes,omitempty"` // with cluster: numbers are sums then, and the rest is of the daemon that was asked

	Endpoints []Endpoint `json:"doors,omitempty"` // all endpoints, those of listen among them
}

// ClusterStatus is how a daemon stands that shares its log with others.
type ClusterStatus struct {
	Name       string  `json:"name"`
	Node       string  `json:"node"`
	Ready      bool    `json:"ready"`             // it follows the log
	Problem    string  `json:"problem,omitempty"` // why it does not
	Server     string  `json:"server,omitempty"`  // the NATS server that it is connected to, or was last
	LagRecords uint64  `json:"lag_records"`       // that the log had at the last look and this node had not read
	LagSeconds float64 `json:"lag_seconds"`       // how old the newest record was when it was read
}

// HTTPStatus is what is served over one version of HTTP, with TLS or without. Each is listed, at 0
// as well.
type HTTPStatus struct {
	Version     string `json:"version"` // 1.0, 1.1 or 2
	TLS         bool   `json:"tls"`
	Connections int    `json:"connections"` // that carry streams; over HTTP/2 also those that have none now
	Streams     int    `json:"streams"`
}

// Endpoint is one way into the daemon.
type Endpoint struct {
	Kind    EndpointKind `json:"kind"`
	Address string       `json:"address"`       // https://HOST:PORT of listen and api, HOST:PORT of control_tcp, otherwise a path
	TLS     bool         `json:"tls,omitempty"` // TLS is spoken
}

// EndpointKind is what an [Endpoint] is for.
type EndpointKind string

// The kinds of endpoints.
const (
	EndpointListen        EndpointKind = "listen" // browsers subscribe
	EndpointControlSocket EndpointKind = "control_socket"
	EndpointControlTCP    EndpointKind = "control_tcp"
	EndpointFIFO          EndpointKind = "fifo"
	EndpointAPI           EndpointKind = "api" // operators, over HTTP
)

// HistoryStatus is what a resume can draw on.
type HistoryStatus struct {
	Events           int     `json:"events"`
	Bytes            int64   `json:"bytes"`
	OldestAgeSeconds float64 `json:"oldest_age_seconds"`
}

// LoopStatus is the load of one event loop.
type LoopStatus struct {
	Connections int  `json:"connections"`
	Streams     int  `json:"streams"`
	Stuck       bool `json:"stuck,omitempty"` // the loop does not turn; its figures are from before
}

// WithoutNulls returns s with empty lists and maps where it has none: the protocol promises them.
func (s Status) WithoutNulls() Status {
	if s.Loops == nil {
		s.Loops = []LoopStatus{}
	}
	if s.Closed == nil {
		s.Closed = map[string]uint64{}
	}
	if s.Refused == nil {
		s.Refused = map[string]uint64{}
	}
	return s
}
