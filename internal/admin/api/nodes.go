package api

// Nodes is the result of "nodes": the daemons that share a log.
type Nodes struct {
	Cluster string `json:"cluster"` // its name; empty: the daemon is on its own
	Nodes   []Node `json:"nodes"`   // by name, with the daemon that was asked
}

// Node is one daemon of a cluster, as the others heard of it within three seconds.
type Node struct {
	Node        string  `json:"node"`
	Version     string  `json:"version"`
	Streams     int     `json:"streams"`
	Position    string  `json:"position"`    // the id of the newest record that it has read; empty: it has not followed the log yet
	Behind      uint64  `json:"behind"`      // records that another node has read and this one has not; about as old as SeenSeconds
	LagSeconds  float64 `json:"lag_seconds"` // how old the newest record was when it read it
	Ready       bool    `json:"ready"`       // it follows the log
	Draining    bool    `json:"draining"`
	SeenSeconds float64 `json:"seen_seconds"` // ago
	Self        bool    `json:"self"`         // it is the daemon that was asked
}

// NodesAsked is how many nodes a result is made of that was asked for with cluster.
type NodesAsked struct {
	Asked    int      `json:"asked"`
	Answered int      `json:"answered"`
	Missing  []string `json:"missing"` // the names of those that did not answer in time
}

// StatusParams selects what "status" is about.
type StatusParams struct {
	Cluster bool `json:"cluster,omitempty"` // all nodes, instead of the daemon that is asked
}
