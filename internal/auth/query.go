package auth

import (
	"net/url"
	"slices"
	"strings"
)

// The parameters that hassesd uses.
const (
	paramSubscribe   = "subscribe"
	paramRoom        = "room"
	paramID          = "id"
	paramExpires     = "exp"
	paramUntil       = "until"
	paramAddress     = "ip"
	paramKey         = "kid"
	paramSignature   = "sig"
	paramToken       = "token"
	paramLastEventID = "lastEventId"
)

// parameter is one decoded name=value of a query.
type parameter struct{ name, value string }

// query is the parameters of a URL, in order.
type query []parameter

// parseQuery reads a query as a form (application/x-www-form-urlencoded). It skips empty pieces
// between two &. A piece without = is a parameter with an empty value.
func parseQuery(raw string) (query, error) {
	var q query
	for piece := range strings.SplitSeq(raw, "&") {
		if piece == "" {
			continue
		}
		name, value, _ := strings.Cut(piece, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			return nil, Malformed
		}
		value, err = url.QueryUnescape(value)
		if err != nil {
			return nil, Malformed
		}
		q = append(q, parameter{name, value})
	}
	return q, nil
}

func (q query) has(name string) bool {
	return slices.ContainsFunc(q, func(p parameter) bool { return p.name == name })
}

// single returns the value of a parameter that may occur once.
func (q query) single(name string) (value string, ok bool, err error) {
	for _, p := range q {
		if p.name != name {
			continue
		}
		if ok {
			return "", false, Ambiguous
		}
		value, ok = p.value, true
	}
	return value, ok, nil
}

// canonical returns the text that is signed: every parameter except sig and lastEventId, name and
// value percent-encoded by RFC 3986, written name=value, sorted by bytes and joined by &. It leaves
// out lastEventId because clients add it when they reconnect.
func (q query) canonical() string {
	pieces := make([]string, 0, len(q))
	for _, p := range q {
		if p.name == paramSignature || p.name == paramLastEventID {
			continue
		}
		piece := appendEncoded(make([]byte, 0, len(p.name)+1+len(p.value)), p.name)
		piece = append(piece, '=')
		pieces = append(pieces, string(appendEncoded(piece, p.value)))
	}
	slices.Sort(pieces)
	return strings.Join(pieces, "&")
}

// appendEncoded appends s with every byte that is not unreserved as %XX (RFC 3986 section 2.1,
// upper-case hexadecimal).
func appendEncoded(dst []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(s) {
		if c := s[i]; isUnreserved(c) {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		}
	}
	return dst
}

// isUnreserved reports whether c is one of the unreserved characters of RFC 3986 section 2.3.
func isUnreserved(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return c == '-' || c == '.' || c == '_' || c == '~'
}
