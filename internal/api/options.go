package api

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"time"
)

// Deadlines of a connection. They bound how long a client that sends or reads nothing can hold a
// place and a goroutine. A handler that takes long on purpose moves its own deadlines, with
// [http.ResponseController].
const (
	headerTimeout = 10 * time.Second // for the TLS handshake, and for a request's head
	readTimeout   = 30 * time.Second // for a request with its body
	writeTimeout  = 30 * time.Second // from the head on, for the whole response
	idleTimeout   = 60 * time.Second // between requests

	maxHeaderBytes = 8 << 10
)

// Options are what a Server needs.
type Options struct {
	Logger   *slog.Logger
	Listener net.Listener // the server closes it
	// IsLocal: only this machine can connect, by loopback or a Unix socket. Reading then needs no
	// key.
	IsLocal     bool
	Name        string      // the host that api.listen names, if it is a name
	Connections int         // that are served at a time
	TLS         *tls.Config // nil: plain HTTP
	// CoversHost reports whether the served certificates are for that host, in lower case. nil:
	// without TLS.
	CoversHost func(host string) bool
	// HandshakeSlot waits until a TLS handshake may compute. nil: at once.
	HandshakeSlot func(ctx context.Context) (leave func(), err error)
	FindKey       FindKey // by the present rights
	Now           func() time.Time
	Health        Health
	Routes        []Route // besides those of the package's own
}
