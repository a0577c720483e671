package api

import (
	"context"
	"net"
	"net/http"
	"strings"
	"time"

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

// FindKey returns the key with this secret, and reports whether there is one.
type FindKey = func(secret string) (access.Key, bool)

// authorizer decides who may use a route. Its methods may be called from any goroutine.
type authorizer struct {
	// Fixed.
	isLocal bool // reading needs no key
	findKey FindKey
	now     func() time.Time

	attempts access.AuthAttempts
}

// role returns the role of a request, and reports whether its key is wrong. Wrong keys delay further
// requests from the same source.
func (a *authorizer) role(req *http.Request) (role api.Role, isWrong bool) {
	role = api.RoleNone
	if a.isLocal {
		role = api.RoleRead
	}
	secret := BearerKey(req)
	if secret == "" {
		return role, req.Header.Get("Authorization") != ""
	}
	a.delay(req)
	key, ok := a.findKey(secret)
	if !ok {
		a.recordWrong(req)
		return role, true
	}
	if key.Role.Includes(role) {
		role = key.Role
	}
	return role, false
}

// delay waits if there were too many wrong keys from where the request comes from.
func (a *authorizer) delay(req *http.Request) {
	if d := a.attempts.Delay(a.now(), sourceOf(req)); d > 0 {
		wait(req.Context(), d)
	}
}

// recordWrong counts a wrong key.
func (a *authorizer) recordWrong(req *http.Request) { a.attempts.RecordWrong(a.now(), sourceOf(req)) }

// sourceOf returns where a request comes from, for counting wrong keys.
func sourceOf(req *http.Request) string {
	host, _, err := net.SplitHostPort(req.RemoteAddr)
	if err != nil {
		return "unix"
	}
	return host
}

// denial is why a request may not use a route, and the response that says so.
type denial struct {
	reason        Refusal
	status        int
	code, message string
}

// authorize returns the request as the route's handler gets it, which carries the role, or else why
// it may not use the route.
func (a *authorizer) authorize(req *http.Request, route *Route) (*http.Request, *denial) {
	if route.Access == Own {
		if req.Header.Get("Authorization") != "" {
			a.delay(req)
		}
		return req, nil
	}
	role, isWrong := a.role(req)
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
		return nil, &denial{
			RefusedKey, http.StatusUnauthorized, "unauthorized",
			"a key with the role " + string(needed) + " is needed: send Authorization: Bearer KEY, with a key of [[control.key]]",
		}
	case !role.Includes(needed):
		return nil, &denial{
			RefusedRole, http.StatusForbidden, "forbidden",
			"this key's role is " + string(role) + ", and " + string(needed) + " is needed",
		}
	}
	return req.WithContext(context.WithValue(req.Context(), roleKey{}, role)), nil
}
