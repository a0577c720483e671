package auth

import (
	"net/url"
	"slices"
	"strings"
)

// Parameters that have a meaning here.
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

// parameter is one name=value of a query, decoded.
type parameter struct{ name, value string }

// query is the parameters of a URL in their order.
type query []parameter

// parseQuery reads a query as a form (application/x-www-form-urlencoded). Nothing between two & is no parameter; what
// has no = has an empty value.
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

// single returns the value of a parameter that may stand once.
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

// canonical is what is signed: every parameter but sig and lastEventId, name and value percent-encoded again by RFC
// 3986, written name=value, sorted by bytes, and joined by &. lastEventId is left out because whoever comes back adds it.
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

// Canonical returns the canonical form of a query, which a signature is made of.
func Canonical(rawQuery string) (string, error) {
	q, err := parseQuery(rawQuery)
	if err != nil {
		return "", err
	}
	return q.canonical(), nil
}

// appendEncoded appends s with every byte that is not unreserved as %XX (RFC 3986 section 2.1, hexadecimal in capitals).
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

// isUnreserved says whether c is one of the unreserved characters of RFC 3986 section 2.3.
func isUnreserved(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return c == '-' || c == '.' || c == '_' || c == '~'
}
