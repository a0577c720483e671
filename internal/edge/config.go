package edge

import (
	"crypto/tls"
	"log/slog"
	"net/netip"
	"time"

	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/auth"
	"github.com/hassesd/hassesd/internal/edge/proxy"
	"github.com/hassesd/hassesd/internal/edge/site"
	"github.com/hassesd/hassesd/internal/edge/subscriber"
	"github.com/hassesd/hassesd/internal/httppublish"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/reactor"
	"github.com/hassesd/hassesd/internal/sse"
)

// Options are the parts of a server. All fields are required except Clock and Challenge, and TLS if
// no listener uses it.
type Options struct {
	Loops  []*reactor.Loop // one worker each; the caller runs them after New
	Hub    *hub.Hub
	TLS    tlsSource
	Logger *slog.Logger
	Config Config
	Reinit bool   // allow a second request on an open stream
	Seed   uint64 // of the jitter
	// DescriptorLimit is how many descriptors the process may hold. It bounds the connections.
	DescriptorLimit int
	// OtherDescriptors is how many of them are reserved for other uses, at most half of
	// DescriptorLimit.
	OtherDescriptors int
	// Clock returns the time, for measuring handshakes. If nil, limits.handshake_cpu has no effect.
	Clock func() time.Time
	// Challenge returns the answer to GET /.well-known/acme-challenge/TOKEN without TLS (RFC 8555
	// section 8.3). It must not block. It may be nil.
	Challenge func(token string) (answer string, ok bool)
	// Publish answers POST. It may be nil if Config.Publish is never set.
	Publish *httppublish.Service
}

// tlsSource returns the configuration for the next handshake and a function that reports whether a
// request for host may be answered on its connection, given the SNI of the client (empty for none).
// It must not block.
type tlsSource = func() (config *tls.Config, serves func(serverName, host string) bool)

// Config is the configuration of a server. It can be replaced while the server runs. Fields that
// may be 0 say what 0 means.
type Config struct {
	Path           string       // where streams are, "/sse"
	Auth           *auth.Policy // who may subscribe to what; nil: no credentials are needed
	HealthPath     string       // where load balancers check health; empty: nowhere
	AllowAll       bool         // clients may subscribe to *, if no credentials are needed
	RoomsPerClient int          // must be set
	Origins        []string     // CORS; "*" stands alone
	Loopback       bool         // as if all origins on the visitor's own machine were in Origins
	Credentials    bool
	HSTS           string // value of Strict-Transport-Security, sent over TLS only
	Demo           bool   // serve the demo page at /
	Publish        bool   // POST publishes
	Requests       int    // of POST, in work at a time; must be set with Publish

	Retry             time.Duration // base of retry:, before jitter
	HeartbeatInterval time.Duration // 0: none
	HeartbeatEvent    string        // empty: a comment
	StreamAge         time.Duration // 0: no limit

	HandOver bool // crypto/tls hands over the records of TLS 1.3 connections
	HotKeys  int  // bytes of all loops for keys that are ready to seal such records

	KernelBytes int // what the kernel holds for one client; 0: reactor.DefaultSendBytes

	HTTP2                bool   // over TLS by ALPN, which is the certificates' business; without TLS with prior knowledge
	HeaderTable          uint32 // of an HTTP/2 client's HPACK encoder: 0 saves memory
	StreamsPerConnection int    // of HTTP/2; must be set with HTTP2
	Streams              int    // 0: no bound

	Connections      int           // 0: as many as descriptors allow
	Handshakes       int           // in flight; must be set
	HandshakeCPU     int           // percent of the processors' time; must be set
	HandshakeTimeout time.Duration // must be set
	RequestTimeout   time.Duration // must be set
	RequestBytes     int           // must be set

	Proxies   Proxies
	Admission admission.Limits // of each network; Handshakes above bounds them in all
}

// Proxies configures which peers may name the clients they speak for, and how.
type Proxies struct {
	Trusted  proxy.Trusted
	Protocol bool        // they begin each connection with a PROXY header
	Field    proxy.Field // they add this field to requests without TLS
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
			HealthPath:  c.HealthPath,
			Auth:        c.Auth,
			AllowAll:    c.AllowAll,
			MaxRooms:    c.RoomsPerClient,
			Origins:     c.Origins,
			Loopback:    c.Loopback,
			Credentials: c.Credentials,
			Demo:        c.Demo,
			Publish:     c.Publish,
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

// isProxy reports whether the peer at an address may name its clients. An address that is not valid
// is that of a Unix socket.
func (s *snapshot) isProxy(peer netip.Addr) bool { return s.Proxies.Trusted.Has(peer) }

// wantsHeader reports whether connections of a peer must begin with a PROXY header.
func (s *snapshot) wantsHeader(peer netip.Addr) bool { return s.Proxies.Protocol && s.isProxy(peer) }
