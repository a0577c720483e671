package api

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/hassesd/hassesd/internal/admin/access"
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

// Server serves the operators' listener. Its methods may be called from any goroutine.
type Server struct {
	// Fixed after New.
	log        *slog.Logger
	isLocal    bool
	name       string
	coversHost func(host string) bool
	findKey    FindKey
	now        func() time.Time
	routes     []Route
	listener   *boundListener
	http       *http.Server

	attempts access.AuthAttempts
	refused  refusals
}

// New returns a server that does not serve yet.
func New(o Options) *Server {
	s := &Server{
		log:        o.Logger,
		isLocal:    o.IsLocal,
		name:       strings.ToLower(o.Name),
		coversHost: o.CoversHost,
		findKey:    o.FindKey,
		now:        o.Now,
	}
	s.routes = append([]Route{
		{Path: "/healthz", Access: Anybody, Handler: healthHandler(o.Health.Live)},
		{Path: "/readyz", Access: Anybody, Handler: healthHandler(o.Health.Ready)},
	}, o.Routes...)
	s.listener = newBoundListener(o, &s.refused)
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	s.http = &http.Server{
		Handler:                      http.HandlerFunc(s.serve),
		Protocols:                    &protocols,
		ReadHeaderTimeout:            headerTimeout,
		ReadTimeout:                  readTimeout,
		WriteTimeout:                 writeTimeout,
		IdleTimeout:                  idleTimeout,
		MaxHeaderBytes:               maxHeaderBytes,
		DisableGeneralOptionsHandler: true,
		ConnState:                    s.listener.connState,
		ErrorLog:                     slog.NewLogLogger(errorLog{o.Logger.Handler()}, slog.LevelWarn),
	}
	return s
}

// Addr returns the address of the listener.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Refused returns how often the server has refused something, by [Refusal].
func (s *Server) Refused() map[string]uint64 { return s.refused.snapshot() }

// Serve serves until Shutdown. Its error is nil after Shutdown.
func (s *Server) Serve() error {
	if err := s.http.Serve(s.listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve api.listen: %w", err)
	}
	return nil
}

// Shutdown closes the listener, and waits for the responses in progress until ctx ends, which then
// are cut.
func (s *Server) Shutdown(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	return err
}

// serve handles each request.
func (s *Server) serve(w http.ResponseWriter, req *http.Request) {
	defer s.recover(req)
	setFields(w.Header())
	if !s.isHost(req) {
		s.refuse(w, RefusedHost, http.StatusMisdirectedRequest, "misdirected_request",
			"the Host of the request is not this listener's; use localhost, or the name or address in api.listen")
		return
	}
	route := s.find(w, req)
	if route == nil {
		return
	}
	if req, ok := s.authorize(w, req, route); ok {
		if route.IsLong {
			c := http.NewResponseController(w)
			if err := errors.Join(c.SetReadDeadline(time.Time{}), c.SetWriteDeadline(time.Time{})); err != nil {
				return // the connection is gone
			}
		}
		route.Handler.ServeHTTP(w, req)
	}
}

// setFields sets the header fields of every response. Nothing of it is for caches, for frames of
// other sites, or for guesses of its type. A handler may replace them.
func setFields(h http.Header) {
	h.Set("Server", "hassesd")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
}

// recover logs the panic of a handler, which ends its connection and nothing else.
func (s *Server) recover(req *http.Request) {
	cause := recover()
	if cause == nil {
		return
	}
	if cause == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
		panic(cause)
	}
	s.log.Error("a request at api.listen panicked", "path", req.URL.Path, "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
	panic(http.ErrAbortHandler)
}
