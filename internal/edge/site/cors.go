package site

import (
	"slices"
	"strings"

	"github.com/hassesd/hassesd/internal/edge/exchange"
)

// preflightAge is how many seconds a browser may remember a preflight: the most that Chromium does.
const preflightAge = "7200"

// askableHeaders are the request headers that a page on an allowed origin may set, beside those that need no leave: what
// EventSource, its polyfills and hasses' own pages send, and tokens. To allow one grants nothing, as most are never read.
var askableHeaders = []string{"Last-Event-ID", "Cache-Control", "X-Requested-With", "Authorization", "Content-Type", "Pragma"}

// appendCORS appends the header fields that let a page read the answer, if its origin is on the list. What is echoed
// has matched the list, so it holds no byte that the configuration does not. req may be nil.
func appendCORS(dst []exchange.Field, req *exchange.Request, r *Rules) []exchange.Field {
	anybody := slices.Contains(r.Origins, "*")
	if !anybody {
		// Also without an Origin: a cache must know that the answer would differ with one.
		dst = append(dst, exchange.Field{Name: "Vary", Value: "Origin"})
	}
	if req == nil || req.Origin == "" {
		return dst
	}
	if anybody {
		// Never together with credentials: any page on the web could read with its visitor's cookies.
		return append(dst, exchange.Field{Name: "Access-Control-Allow-Origin", Value: "*"})
	}
	if !r.allows(req.Origin) {
		return dst
	}
	dst = append(dst, exchange.Field{Name: "Access-Control-Allow-Origin", Value: req.Origin})
	if r.Credentials {
		dst = append(dst, exchange.Field{Name: "Access-Control-Allow-Credentials", Value: "true"})
	}
	return dst
}

// appendPreflight appends what a preflight asks for (the WHATWG Fetch standard, "CORS-preflight fetch"), if the
// origin may have it.
func appendPreflight(dst []exchange.Field, req *exchange.Request, r *Rules) []exchange.Field {
	if req == nil || req.WantMethod == "" || req.Origin == "" {
		return dst
	}
	if !slices.Contains(r.Origins, "*") && !r.allows(req.Origin) {
		return dst
	}
	dst = append(dst, exchange.Field{Name: "Access-Control-Allow-Methods", Value: AllowedMethods})
	if granted := grantHeaders(req.WantHeaders); granted != "" {
		dst = append(dst, exchange.Field{Name: "Access-Control-Allow-Headers", Value: granted})
	}
	return append(dst, exchange.Field{Name: "Access-Control-Max-Age", Value: preflightAge})
}

// grantHeaders returns those of the wanted headers that may be sent, in our spelling.
func grantHeaders(wanted string) string {
	var granted []string
	for name := range strings.SplitSeq(wanted, ",") {
		name = strings.Trim(name, " \t")
		for _, known := range askableHeaders {
			if equalFoldASCII(name, known) && !slices.Contains(granted, known) {
				granted = append(granted, known)
			}
		}
	}
	return strings.Join(granted, ", ")
}

// allows reports whether pages of the origin may read streams because they are listed, or because they come from the
// Visitor's own machine where those may.
func (r *Rules) allows(origin string) bool {
	return originAllowed(origin, r.Origins) || r.Loopback && isLoopbackOrigin(origin)
}

// originAllowed reports whether origin is one of the list, byte for byte but for the case of scheme and host. The opaque
// origin "null" never is: any sandboxed frame has it.
func originAllowed(origin string, list []string) bool {
	if !strings.Contains(origin, "://") {
		return false
	}
	return slices.ContainsFunc(list, func(allowed string) bool { return equalFoldASCII(origin, allowed) })
}

// equalFoldASCII is [strings.EqualFold] without Unicode's idea of case, in which ſ is an s.
func equalFoldASCII(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lowerASCII(a[i]) != lowerASCII(b[i]) {
			return false
		}
	}
	return true
}

func lowerASCII(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
