package edge

import (
	"net/http"

	"github.com/hassesd/hassesd/internal/auth"
)

// rules is what the configuration says about requests. It never changes: a reload makes a new one.
type rules struct {
	Path        string       // where streams are
	Auth        *auth.Policy // who may subscribe to what; nil: nobody is asked
	AllowAll    bool         // clients may subscribe to *, if nobody is asked
	MaxRooms    int          // a stream
	Origins     []string     // whose pages may read, as browsers write them: https://www.example.org; or "*", whoever's
	Loopback    bool         // pages of sites on the visitor's own machine may read as well
	Credentials bool         // pages of listed origins may send cookies; has no effect with "*"
	Demo        bool         // serve the demo page at /
	HSTS        string       // value of Strict-Transport-Security over TLS; empty: none
}

// decide says what a request gets: a stream if the subscription is not nil, the finite answer otherwise.
func decide(req *request, r *rules, v visitor) (*subscription, answer) {
	switch req.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		if req.hasBody {
			return nil, *refuse(http.StatusBadRequest, codeBodyNotAllowed, "a "+req.Method+" request has no body here")
		}
	case http.MethodConnect:
		return nil, methodNotAllowed(req)
	}
	if req.Path == r.Path {
		return decideStream(req, r, v)
	}
	if page := demoPage(req.Path); page != nil && r.Demo {
		return nil, decidePage(req, page)
	}
	if req.Path == "*" {
		return nil, answer{Status: http.StatusNoContent, options: true}
	}
	return nil, *refuse(http.StatusNotFound, codeNotFound, "there is nothing here; streams are at "+quoteCut(r.Path))
}

// decideStream answers a request for the path where streams are.
func decideStream(req *request, r *rules, v visitor) (*subscription, answer) {
	switch req.Method {
	case http.MethodGet, http.MethodHead:
		sub, bad := parseSubscription(req, r)
		if bad == nil {
			bad = authorize(sub, req, r, v)
		}
		if bad != nil {
			return nil, *bad
		}
		if req.Method == http.MethodHead {
			return nil, answer{Status: http.StatusOK, stream: true}
		}
		return sub, answer{}
	case http.MethodOptions:
		return nil, answer{Status: http.StatusNoContent, options: true}
	}
	return nil, methodNotAllowed(req)
}

// decidePage answers a request for a page of the demo.
func decidePage(req *request, p *page) answer {
	switch req.Method {
	case http.MethodGet, http.MethodHead:
		return answer{Status: http.StatusOK, page: p}
	case http.MethodOptions:
		return answer{Status: http.StatusNoContent, options: true}
	}
	return methodNotAllowed(req)
}

func methodNotAllowed(req *request) answer {
	return *refuse(http.StatusMethodNotAllowed, codeMethodNotAllowed,
		"the method "+quoteCut(req.Method)+" is not allowed; use "+allowedMethods)
}
