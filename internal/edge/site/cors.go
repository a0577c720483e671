package site

import (
	"slices"
	"strings"

	"github.com/hassesd/hassesd/internal/edge/exchange"
)

// preflightAge is how many seconds a browser may remember a preflight: the most that Chromium does.
const preflightAge = "7200"

// askableHeaders are the request headers that a page on an allowed origin may set, beside those
// that need no permission: what EventSource, its polyfills and hasses' own pages send, and tokens.
// Most are never read, so allowing them grants nothing.
var askableHeaders = []string{"Last-Event-ID", "Cache-Control", "X-Requested-With", "Authorization", "Content-Type", "Idempotency-Key", "Pragma"}

// appendCORS appends the header fields that let a page read the answer, if its origin is allowed.
// It echoes only origins that matched the list, so no other bytes. req may be nil.
func appendCORS(dst []exchange.Field, req *exchange.Request, r *Rules) []exchange.Field {
	anybody := slices.Contains(r.Origins, "*")
	if !anybody {
		// Also without an Origin: caches must know that the answer depends on it.
		dst = append(dst, exchange.Field{Name: "Vary", Value: "Origin"})
	}
	if req == nil || req.Origin == "" {
		return dst
	}
	if anybody {
		// Never together with credentials: any page on the web could read with its visitor's
		// cookies.
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

// appendPreflight appends the answer to a preflight (WHATWG Fetch, "CORS-preflight fetch"), if the
// origin is allowed.
func appendPreflight(dst []exchange.Field, req *exchange.Request, r *Rules) []exchange.Field {
	if req == nil || req.WantMethod == "" || req.Origin == "" {
		return dst
	}
	if !slices.Contains(r.Origins, "*") && !r.allows(req.Origin) {
		return dst
	}
	dst = append(dst, exchange.Field{Name: "Access-Control-Allow-Methods", Value: allowedMethods(req, r)})
	if granted := grantHeaders(req.WantHeaders); granted != "" {
		dst = append(dst, exchange.Field{Name: "Access-Control-Allow-Headers", Value: granted})
	}
	return append(dst, exchange.Field{Name: "Access-Control-Max-Age", Value: preflightAge})
}

// grantHeaders returns the allowed ones of the wanted headers, in our spelling.
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

// allows reports whether pages of the origin may read streams: because the origin is listed, or
// because it is on the visitor's own machine and r.Loopback is set.
func (r *Rules) allows(origin string) bool {
	return originAllowed(origin, r.Origins) || r.Loopback && isLoopbackOrigin(origin)
}

// originAllowed reports whether origin is in the list, ignoring ASCII case. The opaque origin
// "null" never is: any sandboxed frame has it.
func originAllowed(origin string, list []string) bool {
	if !strings.Contains(origin, "://") {
		return false
	}
	return slices.ContainsFunc(list, func(allowed string) bool { return equalFoldASCII(origin, allowed) })
}

// equalFoldASCII is [strings.EqualFold] for ASCII only: in Unicode ſ folds to s.
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
