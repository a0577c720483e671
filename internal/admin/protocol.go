package admin

import (
	"bytes"
	"encoding/json"
	"time"
)

// ProtocolVersion is the version of the JSON form of the control protocol. Fields may be added to it, never renamed.
const ProtocolVersion = 1

// The methods of the JSON form.
const (
	MethodHello        = "hello"
	MethodStatus       = "status"
	MethodClients      = "clients"
	MethodRooms        = "rooms"
	MethodCount        = "count"
	MethodSend         = "send"
	MethodKick         = "kick"
	MethodLogLevel     = "loglevel"
	MethodReinit       = "reinit"
	MethodReload       = "reload"
	MethodDrain        = "drain"
	MethodCertificates = "certificates"
	MethodLimits       = "limits"
	MethodAuth         = "auth"
)

// Error codes of the JSON form, beside those of JSON-RPC 2.0 itself.
const (
	CodeNotAllowed = -32001 // the connection's role may not call this
	CodeOverloaded = -32002 // try again
	CodeTooLarge   = -32003 // the message is over limits.message_bytes
	CodeNotFound   = -32004
)

// Role is what a control connection may do.
type Role string

// The roles, each including the ones before it.
const (
	RoleNone    Role = "none" // may only show a key
	RoleRead    Role = "read"
	RolePublish Role = "publish"
	RoleAdmin   Role = "admin"
)

// Hello is the result of "hello".
type Hello struct {
	Name     string `json:"name"` // always "hassesd"
	Version  string `json:"version"`
	Protocol int    `json:"protocol"`
	Role     Role   `json:"role"`
	URL      string `json:"url"`              // where browsers subscribe
	CAPEM    string `json:"ca_pem,omitempty"` // the certificate to trust, in development mode
}

// AuthParams is a key that gives the connection a role.
type AuthParams struct {
	Key string `json:"key"`
}

// Authorized is the result of "auth".
type Authorized struct {
	Key  string `json:"key"`  // the key's id
	Role Role   `json:"role"` // what the connection may do now
}

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
	ConnectionsMax     int               `json:"connections_max"`  // the bound in force
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

	Memory *MemoryStatus `json:"memory,omitempty"`

	// Events that slow streams did not get, by the policy of limits.slow that took them.
	Dropped map[string]uint64 `json:"dropped,omitempty"`

	// What hasses' status text shows besides.
	CertFile   string   `json:"cert_file,omitempty"`
	KeyFile    string   `json:"key_file,omitempty"`
	CORSOrigin []string `json:"cors_origins,omitempty"`
	Compiled   string   `json:"compiled,omitempty"` // Go version and platform
	Listen     []string `json:"listen,omitempty"`   // the addresses really bound

	Doors []Door `json:"doors,omitempty"` // every way in, those of listen among them
}

// Door is one way into the daemon.
type Door struct {
	Kind    DoorKind `json:"kind"`
	Address string   `json:"address"`       // https://HOST:PORT of listen, HOST:PORT of control_tcp, otherwise a path
	TLS     bool     `json:"tls,omitempty"` // TLS is spoken
}

// DoorKind says what a [Door] is for.
type DoorKind string

// The kinds of doors.
const (
	DoorListen        DoorKind = "listen" // browsers subscribe
	DoorControlSocket DoorKind = "control_socket"
	DoorControlTCP    DoorKind = "control_tcp"
	DoorFIFO          DoorKind = "fifo"
)

// HistoryStatus says what a resume can draw on.
type HistoryStatus struct {
	Events           int     `json:"events"`
	Bytes            int64   `json:"bytes"`
	OldestAgeSeconds float64 `json:"oldest_age_seconds"`
}

// LoopStatus is the load of one event loop.
type LoopStatus struct {
	Connections int `json:"connections"`
	Streams     int `json:"streams"`
}

// ClientsParams filters and orders "clients". Empty fields do not filter.
type ClientsParams struct {
	Room   string `json:"room,omitempty"`
	ID     string `json:"id,omitempty"`
	Addr   string `json:"addr,omitempty"`  // address, or address:port
	Sort   string `json:"sort,omitempty"`  // age (oldest first, the default), queue (fullest first), sent (most first)
	Limit  int    `json:"limit,omitempty"` // of a page, at most 1000; 0: 500
	Cursor string `json:"cursor,omitempty"`
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
}

// Client is one connection.
type Client struct {
	Conn             uint64   `json:"conn"`
	ID               string   `json:"id"`
	Addr             string   `json:"addr"`
	State            string   `json:"state"`  // accepted, handshaking, reading, streaming, draining
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
}

// RoomsParams bounds "rooms".
type RoomsParams struct {
	Limit  int    `json:"limit,omitempty"` // of a page, at most 1000; 0: 500
	Prefix string `json:"prefix,omitempty"`
	Sort   string `json:"sort,omitempty"` // streams (most first, then by name; the default) or name
	Cursor string `json:"cursor,omitempty"`
}

// Rooms is the result of "rooms".
type Rooms struct {
	Rooms      []Room `json:"rooms"`
	Total      int    `json:"total"` // of which Rooms is a page
	NextCursor string `json:"next_cursor,omitempty"`
}

// Room is one room that somebody listens to.
type Room struct {
	Room    string `json:"room"`
	Streams int    `json:"streams"`
}

// CountParams selects what "count" counts.
type CountParams struct {
	Room string `json:"room,omitempty"`
}

// Count is the result of "count": of the daemon, or of one room. A stream subscribed to every room counts
// for the daemon, and for a room only when it was named.
type Count struct {
	Connections *int   `json:"connections,omitempty"`
	Room        string `json:"room,omitempty"`
	Streams     int    `json:"streams"`
}

// SendParams is a message.
type SendParams struct {
	To     Targets `json:"to"`
	Except string  `json:"except,omitempty"` // client id that does not get it
	Event  string  `json:"event,omitempty"`
	Data   string  `json:"data"`
	Retry  int     `json:"retry,omitempty"` // milliseconds, at most sse.MaxRetry
}

// Targets is a room, "prefix*" or "*", or a list of them; in JSON a string or an array of strings.
type Targets []string

// MarshalJSON writes a single target as a string.
func (t Targets) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // or an encoder around this one could not have it otherwise
	var err error
	if len(t) == 1 {
		err = enc.Encode(t[0])
	} else {
		err = enc.Encode([]string(t))
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// UnmarshalJSON takes a string or an array of strings.
func (t *Targets) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		var one string
		err := json.Unmarshal(data, &one)
		*t = Targets{one}
		return err
	}
	return json.Unmarshal(data, (*[]string)(t))
}

// Sent is the result of "send".
type Sent struct {
	ID      string `json:"id"`
	Matched int    `json:"matched"` // streams it was queued for
}

// KickParams selects the streams to end; exactly one of ID, Room and All.
type KickParams struct {
	ID            string  `json:"id,omitempty"`
	Room          string  `json:"room,omitempty"`
	All           bool    `json:"all,omitempty"`
	RefuseSeconds float64 `json:"refuse_seconds,omitempty"` // how long the same selection is refused afterwards
}

// Kicked is the result of "kick".
type Kicked struct {
	Kicked int `json:"kicked"`
}

// LevelParams sets the log level when Level is not empty.
type LevelParams struct {
	Level string `json:"level,omitempty"`
}

// Level is the result of "loglevel".
type Level struct {
	Level string `json:"level"`
}

// ReinitParams sets whether a second request on a stream is allowed, when not nil.
type ReinitParams struct {
	Enabled *bool `json:"enabled,omitempty"`
}

// Reinit is the result of "reinit".
type Reinit struct {
	Enabled bool `json:"enabled"`
}

// Reloaded is the result of "reload".
type Reloaded struct {
	Changed      []string `json:"changed"`                 // keys now in force
	NeedsRestart []string `json:"needs_restart,omitempty"` // keys that differ and cannot be changed while running
}

// DrainParams asks for the end; a nil window is the configured one.
type DrainParams struct {
	WindowSeconds *float64 `json:"window_seconds,omitempty"`
}

// Drained is the result of "drain"; the daemon ends when the window is over.
type Drained struct {
	Streams       int     `json:"streams"`
	WindowSeconds float64 `json:"window_seconds"`
}

// Certificates is the result of "certificates": those from files first, each in the order of the configuration.
type Certificates struct {
	Certificates []Certificate `json:"certificates"`
}

// Certificate is one certificate that is served, or that is wanted and not there yet; then it has no times.
type Certificate struct {
	Names       []string  `json:"names"`  // DNS names and addresses
	Source      string    `json:"source"` // file, acme, selfsigned, dev or control
	CertFile    string    `json:"cert_file,omitempty"`
	KeyFile     string    `json:"key_file,omitempty"`
	Subject     string    `json:"subject"`
	Issuer      string    `json:"issuer"`
	Key         string    `json:"key"` // "ECDSA P-256", "RSA 2048"
	NotBefore   time.Time `json:"not_before,omitzero"`
	NotAfter    time.Time `json:"not_after,omitzero"`
	DaysLeft    int       `json:"days_left"`             // whole days; negative once it has expired
	Due         bool      `json:"due"`                   // less than a third of its life is left
	StapleUntil time.Time `json:"staple_until,omitzero"` // when its OCSP answer ends; none: it has none
	LoadedAt    time.Time `json:"loaded_at,omitzero"`    // when it was first read, or issued
	SHA256      string    `json:"sha256"`                // of the certificate, lower-case hex
	Default     bool      `json:"default"`               // shown to clients that ask for a name none of them has
	Warnings    []string  `json:"warnings"`              // what works, but not for everybody or not for long
	LastError   string    `json:"last_error,omitempty"`
	LastErrorAt time.Time `json:"last_error_at,omitzero"`
	NextTry     time.Time `json:"next_try,omitzero"` // after an error, or when it is to be renewed; none: on a reload
}
