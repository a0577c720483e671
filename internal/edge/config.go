package edge

import (
	"time"

	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/auth"
	"github.com/hassesd/hassesd/internal/edge/site"
	"github.com/hassesd/hassesd/internal/edge/subscriber"
	"github.com/hassesd/hassesd/internal/sse"
)

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
			Retry:             c.Retry,
			HeartbeatInterval: c.HeartbeatInterval,
			Heartbeat:         heartbeat,
			StreamAge:         c.StreamAge,
		},
	}
}
