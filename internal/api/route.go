package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/hassesd/hassesd/internal/safetext"
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

// find returns the route for a request. If none has its method, it writes the response instead and
// returns nil.
func (s *Server) find(w http.ResponseWriter, req *http.Request) *Route {
	var allowed []string
	for i := range s.routes {
		r := &s.routes[i]
		if !r.matches(req.URL.Path) {
			continue
		}
		if slices.Contains(r.methods(), req.Method) {
			return r
		}
		allowed = append(allowed, r.methods()...)
	}
	if len(allowed) == 0 {
		s.refuse(w, RefusedRequest, http.StatusNotFound, "not_found", "there is nothing here")
		return nil
	}
	allow := strings.Join(allowed, ", ")
	w.Header().Set("Allow", allow)
	s.refuse(w, RefusedRequest, http.StatusMethodNotAllowed, "method_not_allowed",
		"the method "+safetext.Quote(req.Method)+" is not allowed; use "+allow)
	return nil
}
