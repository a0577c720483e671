package api

// ClientsParams filters and orders "clients". Empty fields do not filter.
type ClientsParams struct {
	Room   string `json:"room,omitempty"`
	ID     string `json:"id,omitempty"`
	Addr   string `json:"addr,omitempty"`  // address, or address:port
	Sort   string `json:"sort,omitempty"`  // age (oldest first, the default), queue (fullest first), sent (most first)
	Limit  int    `json:"limit,omitempty"` // of a page, at most 1000; 0: 500
	Cursor string `json:"cursor,omitempty"`

	Cluster bool `json:"cluster,omitempty"` // of all nodes, instead of the daemon that is asked
}

// The orders of lists.
const (
	SortAge   = "age"
	SortQueue = "queue"
	SortSent  = "sent"

	SortStreams = "streams"
	SortName    = "name"
)

// Clients is the result of "clients".
type Clients struct {
	Clients    []Client `json:"clients"`
	Total      int      `json:"total"`                 // that match, of which Clients is a page
	NextCursor string   `json:"next_cursor,omitempty"` // empty: that was all

	Nodes *NodesAsked `json:"nodes,omitempty"` // with cluster
}

// Client is one stream, or a connection that has none.
type Client struct {
	Conn             uint64   `json:"conn"`
	Stream           uint32   `json:"stream,omitempty"` // its number on an HTTP/2 connection, which several share
	HTTP             string   `json:"http,omitempty"`   // 1.0, 1.1 or 2; empty before the request
	ID               string   `json:"id"`
	Addr             string   `json:"addr"`
	State            string   `json:"state"`  // accepted, handshaking, reading, publishing, streaming, draining
	TLS              string   `json:"tls"`    // "TLS 1.3"; empty without TLS
	Cipher           string   `json:"cipher"` // IANA name; empty without TLS
	AgeSeconds       float64  `json:"age_seconds"`
	StreamAgeSeconds float64  `json:"stream_age_seconds"`     // 0 before the stream is open
	Rooms            []string `json:"rooms"`                  // ["*"] for every room
	Sent             uint64   `json:"sent"`                   // events
	QueueBytes       int      `json:"queue_bytes"`            // not written to the socket
	KernelBytes      int      `json:"kernel_bytes,omitempty"` // written, and not acknowledged by the client
	Dropped          uint64   `json:"dropped,omitempty"`      // events that limits.slow took from it
	Reinits          uint64   `json:"reinits"`
	Agent            string   `json:"agent"`
	Node             string   `json:"node,omitempty"` // with cluster: where it is
}

// RoomsParams bounds "rooms".
type RoomsParams struct {
	Limit  int    `json:"limit,omitempty"` // of a page, at most 1000; 0: 500
	Prefix string `json:"prefix,omitempty"`
	Sort   string `json:"sort,omitempty"` // streams (most first, then by name; the default) or name
	Cursor string `json:"cursor,omitempty"`

	Cluster bool `json:"cluster,omitempty"` // of all nodes, instead of the daemon that is asked
}

// Rooms is the result of "rooms".
type Rooms struct {
	Rooms      []Room `json:"rooms"`
	Total      int    `json:"total"` // of which Rooms is a page
	NextCursor string `json:"next_cursor,omitempty"`

	Nodes *NodesAsked `json:"nodes,omitempty"` // with cluster
}

// Room is one room that has streams.
type Room struct {
	Room    string `json:"room"`
	Streams int    `json:"streams"`
}

// CountParams selects what "count" counts.
type CountParams struct {
	Room    string `json:"room,omitempty"`
	Cluster bool   `json:"cluster,omitempty"` // of all nodes, instead of the daemon that is asked
}

// Count is the result of "count": of the daemon, or of one room. A stream subscribed to every room
// counts for the daemon, and for a room only when it was named.
type Count struct {
	Connections *int   `json:"connections,omitempty"`
	Room        string `json:"room,omitempty"`
	Streams     int    `json:"streams"`

	Nodes *NodesAsked `json:"nodes,omitempty"` // with cluster
}

// WithoutNulls returns c with empty lists and maps where it has none: the protocol promises them.
func (c Clients) WithoutNulls() Clients {
	filled := make([]Client, len(c.Clients))
	for i, cl := range c.Clients {
		if cl.Rooms == nil {
			cl.Rooms = []string{}
		}
		filled[i] = cl
	}
	c.Clients = filled
	return c
}
