package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/hassesd/hassesd/internal/safetext"
)

// Server serves the operators' listener. Its methods may be called from any goroutine.
type Server struct {
	// Fixed after New.
	log      *slog.Logger
	hosts    hosts
	routes   []Route
	listener *boundListener
	http     *http.Server

	keys    authorizer
	refused refusals
}

// New returns a server that does not serve yet.
func New(o Options) *Server {
	s := &Server{
		log:   o.Logger,
		hosts: hosts{name: strings.ToLower(o.Name), covers: o.CoversHost},
		keys:  authorizer{isLocal: o.IsLocal, findKey: o.FindKey, now: o.Now},
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

// RecordWrong counts a wrong key, which delays further requests from the same source. Handlers of
// [Own] call it for the keys that they refuse.
func (s *Server) RecordWrong(req *http.Request) { s.keys.recordWrong(req) }

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
	if !s.hosts.include(req) {
		s.refuse(w, RefusedHost, http.StatusMisdirectedRequest, "misdirected_request",
			"the Host of the request is not this listener's; use localhost, or the name or address in api.listen")
		return
	}
	route, allowed := find(s.routes, req.URL.Path, req.Method)
	if route == nil {
		s.refuseRoute(w, req, allowed)
		return
	}
	req, denied := s.keys.authorize(req, route)
	if denied != nil {
		if denied.reason == RefusedKey {
			w.Header().Set("WWW-Authenticate", `Bearer realm="hassesd"`)
		}
		s.refuse(w, denied.reason, denied.status, denied.code, denied.message)
		return
	}
	if route.IsLong {
		c := http.NewResponseController(w)
		if err := errors.Join(c.SetReadDeadline(time.Time{}), c.SetWriteDeadline(time.Time{})); err != nil {
			return // the connection is gone
		}
	}
	route.Handler.ServeHTTP(w, req)
}

// refuseRoute responds that there is nothing at the request's path, or which methods are allowed there.
func (s *Server) refuseRoute(w http.ResponseWriter, req *http.Request, allowed []string) {
	if len(allowed) == 0 {
		s.refuse(w, RefusedRequest, http.StatusNotFound, "not_found", "there is nothing here")
		return
	}
	allow := strings.Join(allowed, ", ")
	w.Header().Set("Allow", allow)
	s.refuse(w, RefusedRequest, http.StatusMethodNotAllowed, "method_not_allowed",
		"the method "+safetext.Quote(req.Method)+" is not allowed; use "+allow)
}

// refuse counts a refusal and writes its response. All but those for the wrong path or method end
// the connection: a client that is turned away must not hold a place.
func (s *Server) refuse(w http.ResponseWriter, reason Refusal, status int, code, message string) {
	s.refused[reason].Add(1)
	s.log.Debug("request at api.listen refused", "reason", reason.String(), "status", status)
	if reason != RefusedRequest {
		w.Header().Set("Connection", "close")
	}
	WriteError(w, status, code, message)
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
