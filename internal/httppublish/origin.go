package httppublish

import (
	"slices"
	"strings"
)

// checkOrigin refuses requests of pages that may not publish. Browsers send Origin with every POST
// that a page makes, and programs do not. A request with neither a token nor a key must not come
// from any page but one of this machine, even if every page may read.
func checkOrigin(h *Head, c *Config) *failure {
	if h.Origin == "" {
		if h.Authorization == "" && h.FetchSite != "" && h.FetchSite != "same-origin" && h.FetchSite != "none" {
			return foreignPage()
		}
		return nil
	}
	scheme := "http://"
	if h.Secure {
		scheme = "https://"
	}
	switch {
	case h.Host != "" && equalFoldASCII(h.Origin, scheme+h.Host):
		return nil
	case c.Loopback && isLoopbackOrigin(h.Origin):
		return nil
	case slices.ContainsFunc(c.Origins, func(allowed string) bool { return equalFoldASCII(allowed, h.Origin) }):
		return nil
	case slices.Contains(c.Origins, "*") && h.Authorization != "":
		return nil
	}
	return foreignPage()
}

func foreignPage() *failure {
	return fail(CodeOriginNotAllowed, "pages of this origin may not publish; the list is cors.origins")
}

// isLoopbackOrigin reports whether an origin is on the browser's own machine.
func isLoopbackOrigin(origin string) bool {
	scheme, host, ok := strings.Cut(origin, "://")
	return ok && (scheme == "http" || scheme == "https") && !strings.ContainsAny(host, "/@?#") && isLoopbackHost(host)
}

// equalFoldASCII is [strings.EqualFold] for ASCII only: in Unicode ſ folds to s.
func equalFoldASCII(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	lower := func(c byte) byte {
		if 'A' <= c && c <= 'Z' {
			return c + 'a' - 'A'
		}
		return c
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}
