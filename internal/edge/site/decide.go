package site

import (
	"net/http"
	"strings"

	"github.com/hassesd/hassesd/internal/edge/exchange"
	"github.com/hassesd/hassesd/internal/safetext"
)

// Decide returns what a request gets: a stream if the subscription is not nil, the finite answer
// otherwise.
func Decide(req *exchange.Request, r *Rules, v Visitor) (*Subscription, exchange.Answer) {
	if v.Serves != nil && !v.Serves(v.ServerName, req.Host) {
		return nil, misdirected(req.Host)
	}
	if ans, ok := decideChallenge(req, r, v); ok {
		return nil, ans
	}
	switch req.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		if req.HasBody {
			return nil, *exchange.Refuse(http.StatusBadRequest, exchange.CodeBodyNotAllowed, "a "+req.Method+" request has no body here")
		}
	case http.MethodConnect:
		return nil, methodNotAllowed(req, r)
	}
	if r.HealthPath != "" && req.Path == r.HealthPath {
		return nil, decideHealth(req, r, v)
	}
	if req.Path == r.Path {
		return decideStream(req, r, v)
	}
	if page := demoPage(req.Path); page != nil && r.Demo {
		return nil, decidePage(req, page, r)
	}
	if req.Path == "*" {
		return nil, options(req, r)
	}
	return nil, *exchange.Refuse(http.StatusNotFound, exchange.CodeNotFound, "there is nothing here; streams are at "+safetext.Quote(r.Path))
}

// misdirected is the answer to a request for a host that the connection's certificate does not
// cover: a client would take our word for another site's (RFC 9110 section 15.5.20).
func misdirected(host string) exchange.Answer {
	return *exchange.Refuse(http.StatusMisdirectedRequest, exchange.CodeMisdirected,
		"the certificate of this connection is not for "+safetext.Quote(host)+"; open another connection, and ask for that host by SNI")
}

// challengePath is where certification authorities look for answers (RFC 8555 section 8.3).
const challengePath = "/.well-known/acme-challenge/"

// decideChallenge answers a certification authority that validates a host, without TLS. It treats
// an unknown token like any other path.
func decideChallenge(req *exchange.Request, r *Rules, v Visitor) (exchange.Answer, bool) {
	token, ok := strings.CutPrefix(req.Path, challengePath)
	if !ok || v.Secure || r.Challenge == nil || req.HasBody || req.Method != http.MethodGet && req.Method != http.MethodHead {
		return exchange.Answer{}, false
	}
	text, ok := r.Challenge(token)
	return exchange.Answer{
		Status: http.StatusOK,
		Fields: []exchange.Field{{Name: "Content-Type", Value: "application/octet-stream"}, {Name: "Cache-Control", Value: "no-store"}},
		Body:   []byte(text),
	}, ok
}

// decideHealth returns the answer to a load balancer that asks whether to send clients here. It has
// no figures, as anybody may ask.
func decideHealth(req *exchange.Request, r *Rules, v Visitor) exchange.Answer {
	switch req.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions:
		return options(req, r)
	default:
		return methodNotAllowed(req, r)
	}
	ans := exchange.Answer{
		Status: http.StatusOK,
		Fields: []exchange.Field{{Name: "Content-Type", Value: "text/plain; charset=utf-8"}, {Name: "Cache-Control", Value: "no-store"}},
		Body:   []byte("ok"),
	}
	if v.Draining {
		ans.Status, ans.Body = http.StatusServiceUnavailable, []byte("draining")
	}
	return ans
}

// decideStream decides on a request for the path of the streams.
func decideStream(req *exchange.Request, r *Rules, v Visitor) (*Subscription, exchange.Answer) {
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
			return nil, exchange.Answer{Status: http.StatusOK, Stream: true}
		}
		return sub, exchange.Answer{}
	case http.MethodOptions:
		return nil, options(req, r)
	case http.MethodPost:
		if r.Publish {
			return nil, exchange.Answer{Publish: true}
		}
	}
	return nil, methodNotAllowed(req, r)
}

// decidePage returns the answer to a request for a page of the demo.
func decidePage(req *exchange.Request, p *page, r *Rules) exchange.Answer {
	switch req.Method {
	case http.MethodGet, http.MethodHead:
		return p.answer(r)
	case http.MethodOptions:
		return options(req, r)
	}
	return methodNotAllowed(req, r)
}

// options returns the answer to OPTIONS, which may be a preflight.
func options(req *exchange.Request, r *Rules) exchange.Answer {
	allow := []exchange.Field{{Name: "Allow", Value: allowedMethods(req, r)}}
	return exchange.Answer{Status: http.StatusNoContent, Fields: appendPreflight(allow, req, r)}
}

// allowedMethods returns the methods of the resource that is asked for.
func allowedMethods(req *exchange.Request, r *Rules) string {
	if r.Publish && (req.Path == r.Path || req.Path == "*") {
		return publishedMethods
	}
	return AllowedMethods
}

func methodNotAllowed(req *exchange.Request, r *Rules) exchange.Answer {
	allowed := allowedMethods(req, r)
	bad := exchange.Refuse(http.StatusMethodNotAllowed, exchange.CodeMethodNotAllowed,
		"the method "+safetext.Quote(req.Method)+" is not allowed; use "+allowed)
	bad.Fields = []exchange.Field{{Name: "Allow", Value: allowed}}
	return *bad
}
