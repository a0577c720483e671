package edge

import (
	"crypto/tls"
	"log/slog"
	"time"

	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/auth"
	"github.com/hassesd/hassesd/internal/edge/site"
	"github.com/hassesd/hassesd/internal/edge/subscriber"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/reactor"
	"github.com/hassesd/hassesd/internal/sse"
)

// Options is what a server is made of. All fields are needed, but TLS only for doors that speak it, Clock and
// Challenge.
type Options struct {
	Loops  []*reactor.Loop // one worker each; the caller runs them after New
	Hub    *hub.Hub
	TLS    tlsSource
	Logger *slog.Logger
	Config Config
	Reinit bool   // allow a second request on an open stream
	Seed   uint64 // of the jitter
	// DescriptorLimit is how many descriptors the process may hold; it bounds the connections.
	DescriptorLimit int
	// OtherDescriptors is how many of them are not for connections. Of a small limit they get no more than half.
	OtherDescriptors int
	// Clock tells the time to what measures handshakes; nil: limits.handshake_cpu is not kept.
	Clock func() time.Time
	// Challenge answers GET /.well-known/acme-challenge/TOKEN without TLS, for what obtains certificates (RFC 8555
	// section 8.3). It must not wait; nil where nobody asks.
	Challenge func(token string) (answer string, ok bool)
}

// tlsSource returns the configuration for the next handshake, and what reports whether a request for host may be answered on
// the connection it makes, whose client asked for serverName (SNI, empty for none). It must not block.
type tlsSource = func() (config *tls.Config, serves func(serverName, host string) bool)

// Config is what the edge can be told, and told anew while it runs. A field that may be 0 says what that means.
type Config struct {
	Path           string       // where streams are, "/sse"
	Auth           *auth.Policy // who may subscribe to what; nil: nobody is asked
	AllowAll       bool         // clients may subscribe to *, if nobody is asked
	RoomsPerClient int          // must be set
	Origins        []string     // CORS; "*" stands alone
	Loopback       bool         // as if all origins on the visitor's own machine were in Origins
	Credentials    bool
	HSTS           string // value of Strict-Transport-Security, sent over TLS only
	Demo           bool   // serve the demo page at /

	Retry             time.Duration // base of retry:, before jitter
	HeartbeatInterval time.Duration // 0: none
	HeartbeatEvent    string        // empty: a comment
	StreamAge         time.Duration // 0: no limit

	KernelBytes int // what the kernel holds for one client; 0: reactor.DefaultSendBytes

	Connections      int           // 0: as many as descriptors allow
	Handshakes       int           // in flight; must be set
	HandshakeCPU     int           // percent of the processors' time; must be set
	HandshakeTimeout time.Duration // must be set
	RequestTimeout   time.Duration // must be set
	RequestBytes     int           // must be set

	Admission admission.Limits // of each network; Handshakes above bounds them in all
}

// snapshot is a Config made ready for use: immutable, shared by all workers, replaced as a whole.
type snapshot struct {
	Config
	rules  *site.Rules
	timing subscriber.Timing
}

func newSnapshot(c Config, challenge func(token string) (string, bool)) *snapshot {
	heartbeat := sse.Comment()
	if c.HeartbeatEvent != "" {
		heartbeat = sse.Heartbeat(c.HeartbeatEvent)
	}
	return &snapshot{
		Config: c,
		rules: &site.Rules{
			Path:        c.Path,
			Auth:        c.Auth,
			AllowAll:    c.AllowAll,
			MaxRooms:    c.RoomsPerClient,
			Origins:     c.Origins,
			Loopback:    c.Loopback,
			Credentials: c.Credentials,
			Demo:        c.Demo,
			HSTS:        c.HSTS,
			Challenge:   challenge,
		},
		timing: subscriber.Timing{
			HeartbeatInterval: c.HeartbeatInterval,
			Heartbeat:         heartbeat,
			StreamAge:         c.StreamAge,
		},
	}
}
