package config

import "time"

// Settings is the configuration of the daemon. The zero value is safe but not useful: start from
// [Defaults]. The key of a field is its toml name with its table (history.bytes). The flag and the
// environment variable follow from the key (--history-bytes, HASSESD_HISTORY_BYTES).
type Settings struct {
	Listen []string `toml:"listen"` // https://:8443, https://127.0.0.1:9443, http://:8080 (with plaintext), unix:/path
	Path   string   `toml:"path"`   // the URL path browsers subscribe at
	HTTP2  bool     `toml:"http2"`  // beside HTTP/1

	HealthPath string `toml:"health_path"` // of health checks on the same listeners; empty: none

	HTTP2HeaderTable int `toml:"http2_header_table"` // bytes, of each HTTP/2 connection; 0: none

	User      string        `toml:"user"`       // name or number to switch to after binding; empty: none
	Group     string        `toml:"group"`      // name or number; empty: the user's own
	Chroot    string        `toml:"chroot"`     // new root directory, before the switch to User; empty: none
	Sandbox   string        `toml:"sandbox"`    // auto, strict, off
	LogLevel  string        `toml:"log_level"`  // quiet, normal, debug
	LogFile   string        `toml:"log_file"`   // empty: standard error
	LogFormat string        `toml:"log_format"` // auto, text, json, classic
	PIDFile   string        `toml:"pid_file"`   // empty: none
	Reinit    bool          `toml:"reinit"`     // allow a second request on an open stream
	Plaintext bool          `toml:"plaintext"`  // allow http:// listeners
	Dev       bool          `toml:"dev"`        // development mode: in-memory certificate, demo page, no auth
	Demo      bool          `toml:"demo"`       // serve the demo page at /
	Loops     int           `toml:"loops"`      // event loops; 0: one per CPU
	Retry     time.Duration `toml:"retry"`      // base of the retry: field, before jitter

	Auth      Auth      `toml:"auth"`
	TLS       TLS       `toml:"tls"`
	ACME      ACME      `toml:"acme"`
	CORS      CORS      `toml:"cors"`
	HSTS      HSTS      `toml:"hsts"`
	Proxy     Proxy     `toml:"proxy"`
	Control   Control   `toml:"control"`
	API       API       `toml:"api"`
	Publish   Publish   `toml:"publish"`
	Heartbeat Heartbeat `toml:"heartbeat"`
	History   History   `toml:"history"`
	State     State     `toml:"state"`
	Limits    Limits    `toml:"limits"`
	Drain     Drain     `toml:"drain"`
	Cluster   Cluster   `toml:"cluster"`

	// HassesDefaults lists the keys that have the default of hasses instead of ours, because flags
	// of hasses (-p=, -murl=) or an old hasses.conf are used and no source sets them. It is not a
	// key.
	HassesDefaults []string `toml:"-"`

	sources map[string]string `toml:"-"` // by key, see Source; never changed
}

// Source returns where the key is set: file:line:column, --flag or HASSESD_NAME. It returns "" for
// a default value, or if there is no such key.
func (s *Settings) Source(key string) string { return s.sources[key] }

// Auth configures who may subscribe.
type Auth struct {
	Mode          []string `toml:"mode"`            // none alone, or signed-url, jwt; required outside development mode
	AllowAllRooms bool     `toml:"allow_all_rooms"` // with none: clients may subscribe to *

	SignedURL AuthSignedURL `toml:"signed_url"`
	JWT       AuthJWT       `toml:"jwt"`
}

// AuthSignedURL is the keys of signed URLs.
type AuthSignedURL struct {
	Keys []string `toml:"keys"` // [KID=]FILE
}

// AuthJWT configures which tokens are accepted, and where in a request.
type AuthJWT struct {
	Keys     []string      `toml:"keys"`      // [KID=]ALG:FILE
	JWKSFile string        `toml:"jwks_file"` // a JWK set; empty: none
	Cookie   string        `toml:"cookie"`    // the cookie's name; empty: none
	Query    bool          `toml:"query"`     // ?token= as well
	Issuer   string        `toml:"issuer"`    // required iss; empty: any
	Audience string        `toml:"audience"`  // required in aud; empty: any
	Leeway   time.Duration `toml:"leeway"`    // for clocks that differ
}

// TLS configures the https:// listeners and their certificates.
type TLS struct {
	CertFile       string        `toml:"cert_file"`       // PEM, the whole chain, leaf first
	KeyFile        string        `toml:"key_file"`        // PEM
	Watch          time.Duration `toml:"watch"`           // how often to check the files; 0: never
	SNIStrict      bool          `toml:"sni_strict"`      // refuse names that no certificate has
	MinVersion     string        `toml:"min_version"`     // "1.2" or "1.3"
	SessionTickets bool          `toml:"session_tickets"` // sessions can be resumed
	Records        string        `toml:"records"`         // RecordsAuto or RecordsCrypto
	HotKeys        int           `toml:"hot_keys"`        // bytes for keys that are ready to encrypt

	Certificates []Certificate `toml:"certificate"` // besides the one above
}

// Values of tls.records.
const (
	RecordsAuto   = "auto"   // the daemon, where the TLS library hands the keys over
	RecordsCrypto = "crypto" // the TLS library
)

// ACME configures for which hosts to obtain certificates, and from which authority.
type ACME struct {
	Hosts      []string `toml:"hosts"`        // a certificate each; empty: ACME is off
	AcceptTOS  bool     `toml:"accept_tos"`   // the authority's terms of service are agreed to
	Email      string   `toml:"email"`        // where the authority may write to
	Directory  string   `toml:"directory"`    // the authority's directory URL
	CARoot     string   `toml:"ca_root"`      // PEM: who signs the authority's own certificate; empty: the system's
	CacheDir   string   `toml:"cache_dir"`    // for keys, certificates and failures
	Challenges []string `toml:"challenges"`   // tls-alpn-01, http-01; the preferred one first
	Fallback   string   `toml:"fallback"`     // refuse, selfsigned
	EABKeyID   string   `toml:"eab_kid"`      // external account binding
	EABKey     string   `toml:"eab_key"`      // base64url
	EABKeyFile string   `toml:"eab_key_file"` // holds the same
}

// CORS lists the web origins whose pages may read streams.
type CORS struct {
	Origins     []string `toml:"origins"`     // https://www.example.org, or "*" (then credentials must be false)
	Credentials bool     `toml:"credentials"` // send Access-Control-Allow-Credentials; never together with "*"
}

// HSTS is the Strict-Transport-Security header of responses over TLS.
type HSTS struct {
	MaxAge            time.Duration `toml:"max_age"` // 0: header is not sent
	IncludeSubdomains bool          `toml:"include_subdomains"`
}

// Proxy configures the proxies in front of the daemon.
type Proxy struct {
	Trusted  []string `toml:"trusted"`  // networks, and "unix"
	Protocol bool     `toml:"protocol"` // they send PROXY headers
	Header   string   `toml:"header"`   // they name clients in it: X-Forwarded-For, Forwarded; empty: in none

	UnixMode  string `toml:"unix_mode"`  // octal, of the Unix sockets of listen
	UnixGroup string `toml:"unix_group"` // name or number; empty: the daemon's own
}

// Control configures where back ends and hassesctl reach the daemon.
type Control struct {
	Socket      string `toml:"socket"`      // Unix socket; empty: none
	TCP         string `toml:"tcp"`         // host:port, loopback only without TLS; empty: none
	FIFO        string `toml:"fifo"`        // empty: none
	FIFOMode    string `toml:"fifo_mode"`   // octal
	FIFOGroup   string `toml:"fifo_group"`  // name or number; empty: UnixGroup
	Connections int    `toml:"connections"` // maximum for each of the two sockets
	Delimiter   string `toml:"delimiter"`   // one byte that ends a classic command, besides the newline
	UnixMode    string `toml:"unix_mode"`   // octal, of the Unix socket
	UnixGroup   string `toml:"unix_group"`  // name or number; empty: the daemon's own
	TCPRole     string `toml:"tcp_role"`    // of plain TCP connections: none, read, publish

	// Private networks that may reach the plain port, beside this machine. Empty: none, and TCP is a
	// loopback address.
	TCPNetworks []string `toml:"tcp_networks"`

	// Who may use the Unix socket, as user:… and group:…. If all three are empty, every user who can
	// open the socket may use all commands.
	UnixAdmins     []string `toml:"unix_admins"`
	UnixPublishers []string `toml:"unix_publishers"`
	UnixReaders    []string `toml:"unix_readers"`

	Keys []ControlKey `toml:"key"`
	TLS  ControlTLS   `toml:"tls"`
}

// ControlTLS configures TLS with client certificates on the control port. It is on if CertFile is
// set.
type ControlTLS struct {
	CertFile     string   `toml:"cert_file"`      // PEM, the whole chain, leaf first
	KeyFile      string   `toml:"key_file"`       // PEM
	ClientCAFile string   `toml:"client_ca_file"` // PEM, the authorities of clients' certificates
	Admin        []string `toml:"admin"`          // uri:…, dns:… or spki:…
	Publish      []string `toml:"publish"`
	Read         []string `toml:"read"`
}

// API configures the HTTP listener of operators.
type API struct {
	Listen string `toml:"listen"` // http://…, https://… or unix:/…; empty: none
	Pprof  bool   `toml:"pprof"`  // serve profiles to administrators
}

// Publish configures how messages come in over HTTP, and how they can be sent again.
type Publish struct {
	HTTP        bool          `toml:"http"`         // POST on the listeners
	Requests    int           `toml:"requests"`     // in work at a time
	StreamIdle  time.Duration `toml:"stream_idle"`  // pause of an event stream that is posted
	DedupWindow time.Duration `toml:"dedup_window"` // how long idempotency keys are remembered; 0: not at all
	DedupKeys   int           `toml:"dedup_keys"`   // how many; 0: none
}

// Heartbeat keeps idle streams open through proxies.
type Heartbeat struct {
	Interval time.Duration `toml:"interval"` // of idleness, before jitter; 0: none
	Event    string        `toml:"event"`    // empty: a comment line
}

// History bounds the events kept for clients that reconnect. A 0 in any of the first three disables
// it.
type History struct {
	Events int           `toml:"events"`
	Bytes  int64         `toml:"bytes"`
	Age    time.Duration `toml:"age"`
	File   string        `toml:"file"` // survives a restart; empty: history.db in State.Dir; "off": none
}

// State is where state survives a restart.
type State struct {
	Dir string `toml:"dir"` // belongs to the daemon; empty: none
}

// Limits bounds what clients and publishers can cost.
type Limits struct {
	Connections           int           `toml:"connections"`             // 0: what the descriptor limit allows
	ConnectionsPerAddress int           `toml:"connections_per_address"` // per IPv4 address or IPv6 /64; 0: no bound
	Streams               int           `toml:"streams"`                 // 0: no bound
	StreamsPerAddress     int           `toml:"streams_per_address"`     // per IPv4 address or IPv6 /64; 0: no bound
	StreamsPerConnection  int           `toml:"streams_per_connection"`  // of HTTP/2
	Exempt                []string      `toml:"exempt"`                  // networks without the limits of an address; or auto, none
	Handshakes            int           `toml:"handshakes"`              // TLS handshakes in flight
	HandshakesPerAddress  int           `toml:"handshakes_per_address"`  // of them; 0: no bound
	HandshakeRate         int           `toml:"handshake_rate"`          // of an address, in a second; 0: no bound
	HandshakeBurst        int           `toml:"handshake_burst"`         // of an address, at once
	HandshakeCPU          int           `toml:"handshake_cpu"`           // percent of the processors' time
	HandshakeTimeout      time.Duration `toml:"handshake_timeout"`
	Penalties             string        `toml:"penalties"` // on, dry-run, off
	RequestTimeout        time.Duration `toml:"request_timeout"`
	RequestBytes          int           `toml:"request_bytes"` // request head
	RoomsPerClient        int           `toml:"rooms_per_client"`
	MessageBytes          int           `toml:"message_bytes"`     // at most 16 MiB
	QueueBytes            int           `toml:"queue_bytes"`       // plaintext waiting for one stream
	KernelBytes           int           `toml:"kernel_bytes"`      // waiting for one stream in the kernel
	QueueBytesTotal       int64         `toml:"queue_bytes_total"` // waiting for all streams; 0: no bound but that of the memory
	Memory                int64         `toml:"memory"`            // of the process; 0: what the machine allows
	PublishRate           int           `toml:"publish_rate"`      // messages of one control connection, in a second; 0: no bound
	PublishBytes          int64         `toml:"publish_bytes"`     // bytes of one control connection, in a second; 0: no bound
	Slow                  string        `toml:"slow"`              // close, drop-oldest, latest
	StreamAge             time.Duration `toml:"stream_age"`        // 0: no limit
}

// Drain configures how the daemon stops.
type Drain struct {
	Window  time.Duration `toml:"window"`  // over which streams are closed
	Restart bool          `toml:"restart"` // clients reconnect here, after the window
}

// Certificate is a [[tls.certificate]] table.
type Certificate struct {
	CertFile string `toml:"cert_file"` // PEM, the whole chain, leaf first
	KeyFile  string `toml:"key_file"`  // PEM
	OCSPFile string `toml:"ocsp_file"` // DER; empty: none

	at string // where its table begins; empty unless it was read from a file
}

// Source returns where the table begins, as file:line:column; empty unless it was read from a file.
func (c *Certificate) Source() string { return c.at }

// All returns all configured certificates. The default one is first: that of cert_file and
// key_file, if it is set.
func (t *TLS) All() []Certificate {
	var all []Certificate
	if t.CertFile != "" {
		all = append(all, Certificate{CertFile: t.CertFile, KeyFile: t.KeyFile})
	}
	return append(all, t.Certificates...)
}

// ControlKey is a secret that gives a control connection a role.
type ControlKey struct {
	ID     string `toml:"id"`     // its name in logs
	Role   string `toml:"role"`   // read, publish, admin
	File   string `toml:"file"`   // contains the key; or SHA256 is set
	SHA256 string `toml:"sha256"` // of the key, in hexadecimal

	at string // where its table begins; empty unless it was read from a file
}

// Cluster configures a log that several daemons share. It is on if NATS is not empty.
type Cluster struct {
	NATS            []string      `toml:"nats"`             // URLs of brokers: nats:// or tls://
	Name            string        `toml:"name"`             // the same for all nodes
	Node            string        `toml:"node"`             // empty: the host's name
	Replicas        int           `toml:"replicas"`         // brokers that keep the log: 1, 3 or 5
	Patience        time.Duration `toml:"patience"`         // without the log, before streams are ended
	CredentialsFile string        `toml:"credentials_file"` // a user's JWT and seed, or a seed alone; empty: none
	CAFile          string        `toml:"ca_file"`          // PEM: who signs the brokers' certificates; empty: the system's
	CertFile        string        `toml:"cert_file"`        // PEM, of this node as a client; empty: none
	KeyFile         string        `toml:"key_file"`         // PEM
}
