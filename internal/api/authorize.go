package api

import (
	"context"
	"net"
	"net/http"
	"strings"

	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/admin/api"
)

// roleKey is the context's key of the role that a request has.
type roleKey struct{}

// MayRead reports whether the sender of the request may see figures. Handlers of [Anybody] ask.
func MayRead(ctx context.Context) bool { return roleOf(ctx).Includes(api.RoleRead) }

func roleOf(ctx context.Context) api.Role {
	role, ok := ctx.Value(roleKey{}).(api.Role)
	if !ok {
		return api.RoleNone
	}
	return role
}

// BearerKey returns the key that a request shows; "" without one.
func BearerKey(req *http.Request) string {
	scheme, key, ok := strings.Cut(req.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(key)
}

// role returns the role of a request, and what is wrong with its key, if anything is. Wrong keys
// slow down where they come from.
func (s *Server) role(req *http.Request) (role api.Role, isWrong bool) {
	role = api.RoleNone
	if s.isLocal {
		role = api.RoleRead
	}
	secret := BearerKey(req)
	if secret == "" {
		return role, req.Header.Get("Authorization") != ""
	}
	s.delay(req)
	key, ok := s.findKey(secret)
	if !ok {
		s.RecordWrong(req)
		return role, true
	}
	if key.Role.Includes(role) {
		role = key.Role
	}
	return role, false
}

// delay waits if there were too many wrong keys from where the request comes from.
func (s *Server) delay(req *http.Request) {
	if d := s.attempts.Delay(s.now(), sourceOf(req)); d > 0 {
		wait(req.Context(), d)
	}
}

// RecordWrong counts a wrong key. Handlers of [Own] tell of those that they are shown.
func (s *Server) RecordWrong(req *http.Request) { s.attempts.RecordWrong(s.now(), sourceOf(req)) }

// sourceOf returns where a request comes from, for counting wrong keys.
func sourceOf(req *http.Request) string {
	host, _, err := net.SplitHostPort(req.RemoteAddr)
	if err != nil {
		return "unix"
	}
	return host
}

// authorize reports whether the request may use the route, and otherwise writes the response. The
// request that it returns carries the role.
func (s *Server) authorize(w http.ResponseWriter, req *http.Request, route *Route) (*http.Request, bool) {
	if route.Access == Own {
		if req.Header.Get("Authorization") != "" {
			s.delay(req)
		}
		return req, true
	}
	role, isWrong := s.role(req)
	needed := api.RoleNone
	switch route.Access {
	case Reads:
		needed = api.RoleRead
	case Admins:
		needed = api.RoleAdmin
	case Anybody, Own:
		isWrong = false // a wrong key takes nothing away
	}
	switch {
	case isWrong || !role.Includes(needed) && req.Header.Get("Authorization") == "":
		w.Header().Set("WWW-Authenticate", `Bearer realm="hassesd"`)
		s.refuse(w, RefusedKey, http.StatusUnauthorized, "unauthorized",
			"a key with the role "+string(needed)+" is needed: send Authorization: Bearer KEY, with a key of [[control.key]]")
		return nil, false
	case !role.Includes(needed):
		s.refuse(w, RefusedRole, http.StatusForbidden, "forbidden", "this key's role is "+string(role)+", and "+string(needed)+" is needed")
		return nil, false
	}
	return req.WithContext(context.WithValue(req.Context(), roleKey{}, role)), true
}

// FindKey is what finds the key that a secret is.
type FindKey = func(secret string) (access.Key, bool)
