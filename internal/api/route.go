package api

import (
	"net/http"
	"slices"
	"strings"
)

// Access is who may use a route.
type Access uint8

// The accesses.
const (
	// Reads: the role read or a greater one. On loopback and on a Unix socket, everybody has it.
	Reads Access = iota
	// Admins: a key with the role admin, on every listener.
	Admins
	// Anybody: no key on any listener; the handler tells those without the role read no more than
	// it must, see [MayRead].
	Anybody
	// Own: the handler finds out itself who may do what, and reports wrong keys with
	// [Server.RecordWrong].
	Own
)

// Route is something that the listener serves.
type Route struct {
	Path    string   // exactly as requests must name it
	Below   bool     // and every path that begins with Path and a slash
	Methods []string // empty: GET and HEAD
	Access  Access
	Handler http.Handler
	// IsLong: requests and responses may take hours, and the handler sets deadlines of its own.
	IsLong bool
}

var readMethods = []string{http.MethodGet, http.MethodHead}

func (r *Route) methods() []string {
	if len(r.Methods) == 0 {
		return readMethods
	}
	return r.Methods
}

func (r *Route) matches(path string) bool {
	return path == r.Path || r.Below && strings.HasPrefix(path, strings.TrimSuffix(r.Path, "/")+"/")
}

// find returns the route of a path and method. If there is none, route is nil, and allowed has the
// methods of the path; it is empty if there is no such path.
func find(routes []Route, path, method string) (route *Route, allowed []string) {
	for i := range routes {
		r := &routes[i]
		if !r.matches(path) {
			continue
		}
		if slices.Contains(r.methods(), method) {
			return r, nil
		}
		allowed = append(allowed, r.methods()...)
	}
	return nil, allowed
}
