// Package site decides what a request gets: a subscription or a finite answer. It is pure: requests
// and facts about the client are values.
package site

import (
	"net/netip"
	"time"

	"github.com/hassesd/hassesd/internal/auth"
)

// The methods of every resource, and those of the path of the streams where POST publishes.
const (
	AllowedMethods   = "GET, HEAD, OPTIONS"
	publishedMethods = AllowedMethods + ", POST"
)

// Rules is the configuration of requests. It is immutable: a reload makes a new one.
type Rules struct {
	Path        string       // where streams are
	HealthPath  string       // where load balancers check health; empty: nowhere
	Auth        *auth.Policy // who may subscribe to what; nil: no credentials are needed
	AllowAll    bool         // clients may subscribe to *, if no credentials are needed
	MaxRooms    int          // of one stream
	Origins     []string     // whose pages may read, as browsers write them: https://www.example.org; or "*", any page
	Loopback    bool         // pages of sites on the client's own machine may read as well
	Credentials bool         // pages of listed origins may send cookies; has no effect with "*"
	Publish     bool         // POST publishes
	Demo        bool         // serve the demo page at /
	HSTS        string       // value of Strict-Transport-Security over TLS; empty: none
	// Challenge returns the answer to GET /.well-known/acme-challenge/TOKEN without TLS. It must
	// not block. It may be nil.
	Challenge func(token string) (answer string, ok bool)
}

// Visitor is what is known of the client beside its request.
type Visitor struct {
	Address netip.Addr
	Now     time.Time
	Secure  bool // over TLS
	// Draining: the daemon takes no new clients.
	Draining bool
	// Serves reports whether a request for host may be answered on a connection with this
	// ServerName (SNI, empty for none). If nil, every host is served.
	Serves     func(serverName, host string) bool
	ServerName string
}
